"""Self-distillation: the network's own average teaches it, and relabels."""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.relabelling import Posterior


class _State(State):
    """The averaged prediction of every training example, [examples, classes]."""

    def __init__(self, settings: "SelfDistillation", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self.average = settings, base, settings.average
        uniform = tf.fill([problem.examples, problem.classes], 1 / problem.classes)
        self.predictions = tf.Variable(uniform, trainable=False, name="averaged_predictions")
        self.posterior = Posterior(problem.classes, settings.temperature)

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        beta, rows = self._settings.beta, batch["row"]
        logits = networks[0](batch["image"])
        answer = tf.stop_gradient(tf.nn.softmax(tf.cast(networks[1](batch["image"]), tf.float32)))
        averaged = beta * tf.gather(self.predictions, rows) + (1 - beta) * answer
        self.predictions.scatter_nd_update(rows[:, None], averaged)
        targets = self.posterior(averaged, labels)
        # What is predicted in the first steps says nothing about labels.
        warm = batch["passed"] >= self._settings.warm_up
        tf.cond(warm, lambda: self._learn(averaged, targets, labels), lambda: 0)
        mixed = tf.where(warm, targets, labels)
        return Outcome([tf.reduce_mean(self._base(mixed, logits, batch["passed"]))], logits)

    def _learn(self, averaged: Any, targets: Any, labels: Any) -> int:
        self.posterior.update(averaged, targets, labels)
        return 0

    def findings(self) -> dict[str, float]:
        return {"estimated_noise_rate": self.posterior.rate()}

    def label_table(self) -> np.ndarray:
        return self.predictions.numpy()


@register(
    reference="averaged predictions: Laine and Aila, ICLR 2017 (arXiv 1610.02242); averaged weights: Tarvainen "
    "and Valpola, NeurIPS 2017 (arXiv 1703.01780); filtering of labels by both: Nguyen et al., ICLR 2020 (arXiv "
    "1910.01842)"
)
@dataclasses.dataclass(frozen=True)
class SelfDistillation:
    """Learns from its own averages and the given label: L = loss(q, logits) after a warm-up on the labels alone.

    t <- b t + (1 - b) p for each training example, where p is the answer of a network whose weights are an average of
    the trained one's; q joins t with the given label (`tfqnoise.strategies.relabelling.Posterior`).

    Args:
        warm_up: share of the training that goes by before targets are corrected, in [0, 1).
        beta: b, the momentum of the predictions.
        average: momentum of the averaged weights, a step.
        temperature: below 1 it sharpens the averaged predictions.
    """

    warm_up: float = 0.3
    beta: float = 0.7
    average: float = 0.99
    temperature: float = 0.5

    def __post_init__(self) -> None:
        shares = 0 <= self.warm_up < 1 and 0 <= self.beta < 1 and 0 < self.average < 1
        if not (shares and self.temperature > 0):
            raise UsageError(
                f"self_distillation with {', '.join(f'{k} = {v}' for k, v in dataclasses.asdict(self).items())}",
                "warm_up and beta in [0, 1), average between 0 and 1, a positive temperature",
                "leave them out for 0.3, 0.7, 0.99 and 0.5",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
