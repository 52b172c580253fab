"""PENCIL: label distributions that are trained with the network."""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem, State, register
from tfqnoise.strategies.table import Table

# Of the paper: ends of the stages, and the learning rate of stage 3 over that of the stages before.
_STAGES = (70 / 320, 200 / 320)
_LAST = 0.2 / 0.06
_START = 10.0
# In so many epochs labels can move from one class to another at the paper's rate, whose batches have 128 pictures.
_EPOCHS, _BATCH = 20, 128
# Of the alpha from which on no label is corrected.
_ALPHA = 0.5


class _State(State):
    """The label logits of every training example, [examples, classes]."""

    def __init__(self, settings: "PENCIL", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base = settings, base
        start = _START * np.eye(problem.classes, dtype=np.float32)[problem.given]
        self.labels = Table(start, "label_logits", problem.devices)
        second = problem.epochs * (settings.second - settings.first)
        self._alpha = _ALPHA / problem.classes if settings.alpha is None else settings.alpha
        self._rate = settings.rate / _BATCH * max(1.0, _EPOCHS / max(second, 1.0))

    def loss(self, batch: dict[str, Any], labels: Any, logits: Any) -> Any:
        s, passed = self._settings, batch["passed"]
        classes = float(labels.shape[-1])
        own = self.labels.gather(batch["row"])
        log_f, log_y = tf.nn.log_softmax(tf.cast(logits, tf.float32)), tf.nn.log_softmax(own)
        f = tf.exp(log_f)
        learning = tf.logical_and(passed >= s.first, passed < s.second)
        tf.cond(learning, lambda: self._learn(batch, labels, tf.stop_gradient(f), own), lambda: 0)
        divergence = tf.reduce_sum(f * (log_f - log_y), axis=-1) / classes
        entropy = -tf.reduce_sum(f * log_f, axis=-1) / classes
        compatibility = -tf.reduce_sum(labels * log_y, axis=-1)
        second = divergence + self._alpha * compatibility + s.beta * entropy
        first = self._base(labels, logits, passed)
        return tf.where(passed < s.first, first, tf.where(learning, second, divergence))

    def _learn(self, batch: dict[str, Any], labels: Any, f: Any, own: Any) -> int:
        """One step of gradient descent on the label logits: dL/dy~ = (y - f) / C + alpha (y - y^)."""
        y = tf.nn.softmax(own)
        gradient = (y - f) / float(f.shape[-1]) + self._alpha * (y - labels)
        self.labels.update(batch["row"], own - self._rate * gradient)
        return 0

    def learning_rate(self) -> Any:
        second = self._settings.second

        def shape(passed: Any) -> Any:
            behind = (passed - second) / (1 - second)
            falling = tf.where(behind < 1 / 3, _LAST, tf.where(behind < 2 / 3, _LAST / 10, _LAST / 100))
            return tf.where(passed < second, tf.minimum(1.0, passed * 50), falling)

        return shape

    def label_table(self) -> np.ndarray:
        return tf.nn.softmax(self.labels.value()).numpy()


@register(reference="Yi and Wu, CVPR 2019 (arXiv 1903.07788), equations 4 to 9")
@dataclasses.dataclass(frozen=True)
class PENCIL:
    """Trains a distribution y = softmax(y~) for each label: stages of loss alone, of both, of the network alone.

    The stages end at the shares `first` and `second` of the training and at its end.

        stage 1   the loss on the given labels y^
        stage 2   L = KL(f || y) / C + alpha L_o + beta H(f) / C,  L_o = -sum_k y^_k log y_k,  y~ <- y~ - r dL/dy~
        stage 3   L = KL(f || y) / C, y stays

    with f = softmax(logits) and y~ = 10 y^ at first. The learning rate is constant in stages 1 and 2 (after 1/50 of
    the training); in stage 3 it is 3.3 times that, then a tenth and a hundredth of it, for a third of the stage each.

    Args:
        alpha: weight of the given labels; null for 1 / (2 C). They settle at y = (alpha C y^ + f) / (alpha C + 1), so
            from alpha = 1/C on none is ever corrected; published settings for CIFAR-10 go from 0 to 0.4.
        beta: weight of the entropy.
        rate: r for batches of 128, whose mean the paper's L is: a label moves by r / 128 times its own slope at each
            visit, whatever the size of the batch. Where stage 2 has fewer than 20 epochs (the paper has 130), r is as
            much larger as they are fewer, so that labels may still move from one class to another.
        first: end of stage 1.
        second: end of stage 2.
    """

    alpha: float | None = None
    beta: float = 0.1
    rate: float = 600.0
    first: float = _STAGES[0]
    second: float = _STAGES[1]

    def __post_init__(self) -> None:
        if not (
            (self.alpha is None or self.alpha >= 0)
            and self.beta >= 0
            and self.rate > 0
            and 0 < self.first < self.second < 1
        ):
            raise UsageError(
                f"pencil with alpha = {self.alpha}, beta = {self.beta}, rate = {self.rate}, first = {self.first}, "
                f"second = {self.second}",
                "alpha and beta of at least 0, a positive rate, 0 < first < second < 1",
                "leave them out for the usual values",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
