"""Self-distillation: the network's own average teaches it, and relabels."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.relabelling import estimated, posterior, wrong_share


class _State(State):
    """The averaged prediction of every training example and what its label probably is, [examples, classes] each."""

    def __init__(self, settings: "SelfDistillation", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._problem = settings, base, problem
        self.average = settings.average
        uniform = tf.fill([problem.examples, problem.classes], 1 / problem.classes)
        self.predictions = tf.Variable(uniform, trainable=False, name="averaged_predictions")
        self.targets = tf.Variable(uniform, trainable=False, name="corrected_labels")
        self.rate = tf.Variable(0.0, trainable=False, name="noise_rate")
        # Corrected at the beginning of an epoch, so that every example is learnt from both for whole epochs.
        self._last = problem.first + max(1, round(settings.warm_up * problem.epochs))

    def begin_epoch(self, epoch: int, predict: Callable[[int], np.ndarray]) -> None:
        if epoch != self._last:
            return
        given, averaged = self._problem.given, self.predictions.numpy()
        labels = tf.one_hot(given, self._problem.classes)
        self.targets.assign(posterior(averaged, labels, estimated(averaged, given), self._settings.temperature))
        self.rate.assign(wrong_share(self.targets.numpy(), given))

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        logits = networks[0](batch["image"])
        targets = tf.cond(
            batch["epoch"] < self._last,
            lambda: self._average(batch, labels, networks[1]),
            lambda: tf.gather(self.targets, batch["row"]),
        )
        return Outcome([tf.reduce_mean(self._base(targets, logits, batch["passed"]))], logits)

    def _average(self, batch: dict[str, Any], labels: Any, network: Any) -> Any:
        """Takes the averaged network's answers into the table, and returns the labels as they are."""
        beta, rows = self._settings.beta, batch["row"]
        answer = tf.nn.softmax(tf.cast(network(batch["image"]), tf.float32))
        averaged = beta * tf.gather(self.predictions, rows) + (1 - beta) * answer
        self.predictions.scatter_nd_update(rows[:, None], tf.stop_gradient(averaged))
        return labels

    def findings(self) -> dict[str, float]:
        return {"estimated_noise_rate": float(self.rate)} if float(self.rate) else {}

    def label_table(self) -> np.ndarray:
        return self.targets.numpy()


@register(
    reference="averaged predictions: Laine and Aila, ICLR 2017 (arXiv 1610.02242); averaged weights: Tarvainen and "
    "Valpola, NeurIPS 2017 (arXiv 1703.01780); labels filtered by both: Nguyen et al., ICLR 2020 (arXiv 1910.01842)"
)
@dataclasses.dataclass(frozen=True)
class SelfDistillation:
    """Learns the labels, corrects them by its own averages, and goes on with those: L = loss(q, logits).

    t <- b t + (1 - b) p for each training example, where p is the answer of a network whose weights are an average of
    the trained one's. After the warm-up, once, q joins t with the given label through a transition matrix estimated
    from them (`tfqnoise.strategies.relabelling`). Corrected again and again, labels and network would confirm each
    other.

    Args:
        warm_up: share of the training that goes by before labels are corrected, in (0, 1).
        beta: b, the momentum of the predictions.
        average: momentum of the averaged weights, a step.
        temperature: below 1 it sharpens the averaged predictions.
    """

    warm_up: float = 0.5
    beta: float = 0.7
    average: float = 0.99
    temperature: float = 0.5

    def __post_init__(self) -> None:
        shares = 0 < self.warm_up < 1 and 0 <= self.beta < 1 and 0 < self.average < 1
        if not (shares and self.temperature > 0):
            raise UsageError(
                f"self_distillation with {', '.join(f'{k} = {v}' for k, v in dataclasses.asdict(self).items())}",
                "warm_up and average between 0 and 1, beta in [0, 1), a positive temperature",
                "leave them out for 0.5, 0.99, 0.7 and 0.5",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
