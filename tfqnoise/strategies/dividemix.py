"""DivideMix: labels of the probably wrong are dropped, and their pictures learnt without them."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.mixing import mixed, share
from tfqnoise.strategies.selection import clean_probability, mean_of


class _State(State):
    """How probably each training label is right, [2, examples], from the point of view of each network."""

    networks = 2
    views = 2
    answers = False

    def __init__(self, settings: "Dividemix", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._problem = settings, base, problem
        self.clean = tf.Variable(tf.ones([2, problem.examples]), trainable=False, name="clean_probability")

    def begin_epoch(self, epoch: int, predict: Callable[[int], np.ndarray]) -> None:
        problem = self._problem
        if (epoch - problem.first) < self._settings.warm_up * problem.epochs:
            return
        rows = [self._clean(predict(number)) for number in range(2)]
        self.clean.assign(np.stack(rows).astype(np.float32))

    def _clean(self, logits: np.ndarray) -> np.ndarray:
        logits = logits.astype(np.float64)
        highest = logits.max(axis=1, keepdims=True)
        total = highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=1))
        losses = total - np.take_along_axis(logits, self._problem.given[:, None], axis=1)[:, 0]
        return clean_probability(losses, self._problem.seed)

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        warming = batch["passed"] < self._settings.warm_up
        first, second = tf.cond(
            warming,
            lambda: self._warm(batch, labels, networks),
            lambda: self._divided(batch, labels, networks),
        )
        return Outcome([first, second])

    def _warm(self, batch: dict[str, Any], labels: Any, networks: Any) -> tuple[Any, Any]:
        first, second = (self._warm_loss(batch, labels, network(batch["image"])) for network in networks)
        return first, second

    def _warm_loss(self, batch: dict[str, Any], labels: Any, logits: Any) -> Any:
        log_p = tf.nn.log_softmax(tf.cast(logits, tf.float32))
        negative_entropy = tf.reduce_sum(tf.exp(log_p) * log_p, axis=-1)
        return tf.reduce_mean(self._base(labels, logits, batch["passed"]) + self._settings.entropy * negative_entropy)

    def _divided(self, batch: dict[str, Any], labels: Any, networks: Any) -> tuple[Any, Any]:
        views = (batch["image"], *batch["views"])
        answers = [
            [tf.nn.softmax(tf.cast(network(view, training=False), tf.float32)) for view in views]
            for network in networks
        ]
        own = [tf.stop_gradient(tf.add_n(each) / len(views)) for each in answers]
        guess = _sharpened((own[0] + own[1]) / 2, self._settings.temperature)
        first, second = (
            # Each network is told by the other which labels are right.
            self._loss(batch, labels, networks[k], views, own[k], guess, tf.gather(self.clean[1 - k], batch["row"]))
            for k in range(2)
        )
        return first, second

    def _loss(
        self, batch: dict[str, Any], labels: Any, network: Any, views: Any, own: Any, guess: Any, clean: Any
    ) -> Any:
        s = self._settings
        w = clean[:, None]
        labelled = clean > s.threshold
        refined = _sharpened(w * labels + (1 - w) * own, s.temperature)
        targets = tf.concat([tf.where(labelled[:, None], refined, guess)] * len(views), axis=0)
        with_label = tf.concat([tf.cast(labelled, tf.float32)] * len(views), axis=0)
        weight = share(batch, s.alpha, self._problem.seed)
        weight = tf.maximum(weight, 1 - weight)
        pictures = tf.concat([tf.cast(view, tf.float32) for view in views], axis=0)
        logits = tf.cast(network(mixed(pictures, weight)), tf.float32)
        wanted, p = mixed(targets, weight), tf.nn.softmax(logits)
        supervised = mean_of(self._base(wanted, logits, batch["passed"]), with_label)
        unsupervised = mean_of(tf.reduce_mean(tf.square(p - wanted), axis=-1), 1 - with_label)
        # Keeps the network from giving all pictures to few classes.
        average = tf.reduce_mean(p, axis=0)
        classes = self._problem.classes
        prior = tf.reduce_sum(tf.math.log(1 / classes / tf.maximum(average, 1e-8))) / classes
        climb = tf.clip_by_value((batch["passed"] - s.warm_up) / s.ramp, 0.0, 1.0)
        return supervised + s.weight * climb * unsupervised + prior


def _sharpened(p: Any, temperature: float) -> Any:
    powered = tf.pow(tf.maximum(p, 1e-8), 1 / temperature)
    return tf.stop_gradient(powered / tf.reduce_sum(powered, axis=-1, keepdims=True))


@register(reference="Li et al., ICLR 2020 (arXiv 2002.07394), algorithm 1")
@dataclasses.dataclass(frozen=True)
class Dividemix:
    """Two networks; each tells the other which labels are right, and of the other pictures it learns guesses.

    Before each epoch a mixture of two Gaussians over the losses of a network gives w, how probably a label is right.
    Where w > threshold the target is sharpen(w y + (1 - w) p), elsewhere sharpen(the mean answer of both networks to
    two views). All pictures of a batch are mixed (mixup);

        L = L_labelled + weight u(t) mean_k (p_k - q_k)^2 + sum_k (1/C) log((1/C) / mean p_k).

    The paper draws batches from both parts; here a batch is what it is, and its pictures count with their part.

    Args:
        warm_up: share of the training on all labels alone, in (0, 1).
        ramp: share of the training in which u climbs from 0 to 1 after that.
        threshold: see above.
        temperature: of sharpening.
        alpha: of mixup.
        weight: of the pictures without label; 0 to 25 in the paper, more where more labels are wrong. In tens of
            epochs, where the paper has 300, the guesses are too poor to be learnt: 0 is better, at a rate of 0.02.
        entropy: of the negative entropy sum_k p_k log p_k in the warm-up, which keeps the network unsure; 1 in the
            paper for asymmetric noise.
    """

    warm_up: float = 0.2
    ramp: float = 0.1
    threshold: float = 0.5
    temperature: float = 0.5
    alpha: float = 4.0
    weight: float = 25.0
    entropy: float = 0.0

    # What it does in the warm-up and afterwards are branches of the graph, in which replicas can't meet, as they do
    # where a batch norm follows its statistics.
    single_device: ClassVar[bool] = True

    def __post_init__(self) -> None:
        fits = 0 < self.warm_up < 1 and self.ramp > 0 and 0 < self.threshold < 1
        if not (fits and self.temperature > 0 and self.alpha > 0 and self.weight >= 0 and self.entropy >= 0):
            raise UsageError(
                f"dividemix with {', '.join(f'{k} = {v}' for k, v in dataclasses.asdict(self).items())}",
                "warm_up and threshold in (0, 1), ramp, temperature and alpha above 0, the rest at least 0",
                "leave them out for the paper's values",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
