"""Self-distillation: the network's own average teaches it, and relabels."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem, State, register
from tfqnoise.strategies.relabelling import estimated, posterior, wrong_share
from tfqnoise.strategies.table import Table

# The learning rate climbs in the first fiftieth.
_CLIMB = 50.0


class _State(State):
    """The averaged prediction of every training example and what its label probably is, [examples, classes] each."""

    def __init__(self, settings: "SelfDistillation", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._problem = settings, base, problem
        uniform = tf.fill([problem.examples, problem.classes], 1 / problem.classes)
        self.predictions = Table(uniform, "averaged_predictions", problem.devices)
        self.targets = Table(uniform, "corrected_labels", problem.devices)
        self.rate = tf.Variable(0.0, trainable=False, name="noise_rate")
        # Corrected at the beginning of an epoch, so that every example is learnt from both for whole epochs.
        epochs = min(max(1, round(settings.warm_up * problem.epochs)), max(1, problem.epochs - 1))
        self._share, self._last = epochs / problem.epochs, problem.first + epochs

    def begin_epoch(self, epoch: int, predict: Callable[[int], np.ndarray]) -> None:
        if epoch != self._last:
            return
        given, averaged = self._problem.given, self.predictions.value()
        labels = tf.one_hot(given, self._problem.classes)
        self.targets.assign(posterior(averaged, labels, estimated(averaged, given), self._settings.temperature))
        self.rate.assign(wrong_share(self.targets.value(), given))

    def loss(self, batch: dict[str, Any], labels: Any, logits: Any) -> Any:
        targets = tf.cond(
            batch["epoch"] < self._last,
            lambda: self._take(batch["row"], labels, logits),
            lambda: self.targets.gather(batch["row"]),
        )
        return self._base(targets, logits, batch["passed"])

    def _take(self, rows: Any, labels: Any, logits: Any) -> Any:
        """Takes the answers to a batch into the table, and returns the labels as they are."""
        beta, answer = self._settings.beta, tf.stop_gradient(tf.nn.softmax(tf.cast(logits, tf.float32)))
        self.predictions.update(rows, beta * self.predictions.gather(rows) + (1 - beta) * answer)
        return labels

    def learning_rate(self) -> Callable[[Any], Any]:
        share = self._share

        def shape(passed: Any) -> Any:
            first = 0.5 * (1 + tf.cos(np.pi * tf.minimum(passed / share, 1.0)))
            second = 0.5 * (1 + tf.cos(np.pi * (passed - share) / max(1 - share, 1e-6)))
            return tf.where(passed < share, tf.minimum(first, passed * _CLIMB), second)

        return shape

    def findings(self) -> dict[str, float]:
        return {"estimated_noise_rate": float(self.rate)} if float(self.rate) else {}

    def label_table(self) -> np.ndarray | None:
        # Before they are corrected it believes nothing of the labels.
        return self.targets.value() if float(self.rate) else None


@register(
    reference="averaged predictions: Laine and Aila, ICLR 2017 (arXiv 1610.02242); labels filtered by them: "
    "Nguyen et al., ICLR 2020 (arXiv 1910.01842)"
)
@dataclasses.dataclass(frozen=True)
class SelfDistillation:
    """Learns the labels, corrects them by its own averaged answers, and goes on with those: L = loss(q, logits).

    t <- b t + (1 - b) p for each training example with each of its epochs. After the warm-up, once, q joins t with
    the given label through a transition matrix estimated from them (`tfqnoise.strategies.relabelling`). Corrected
    again and again, labels and network would confirm each other. The learning rate falls to zero along a cosine
    twice, in the warm-up and behind it: what corrects labels should have learnt all that it can from them.

    Args:
        warm_up: share of the training that goes by before labels are corrected, in (0, 1).
        beta: b, the momentum of the predictions.
        temperature: below 1 it sharpens the averaged predictions.
    """

    warm_up: float = 0.5
    beta: float = 0.7
    temperature: float = 0.5

    corrects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (0 < self.warm_up < 1 and 0 <= self.beta < 1 and self.temperature > 0):
            raise UsageError(
                f"self_distillation with {', '.join(f'{k} = {v}' for k, v in dataclasses.asdict(self).items())}",
                "warm_up between 0 and 1, beta in [0, 1), a positive temperature",
                "leave them out for 0.5, 0.7 and 0.5",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
