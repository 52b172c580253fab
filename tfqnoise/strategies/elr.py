"""Early-learning regularisation (ELR)."""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem, State, register
from tfqnoise.strategies.table import Table


def regularisation(targets: Any, logits: Any) -> Any:
    """R = log(1 - <p, t>), float32 [B], for targets t and logits [B, C]; p is clipped to [1e-4, 1 - 1e-4]."""
    return tf.math.log1p(-tf.reduce_sum(targets * probabilities(logits), axis=-1))


def probabilities(logits: Any) -> Any:
    """Returns softmax(logits) clipped to [1e-4, 1 - 1e-4], float32 [B, C]."""
    return tf.clip_by_value(tf.nn.softmax(tf.cast(logits, tf.float32)), 1e-4, 1 - 1e-4)


def believed(targets: np.ndarray) -> np.ndarray:
    """Returns targets [N, C] as distributions: what the momentum leaves to their zero start belongs to no class."""
    return (targets + 1e-6) / (targets + 1e-6).sum(axis=1, keepdims=True)


class _State(State):
    """The running target t of every training example, [examples, classes], zero until first seen."""

    def __init__(self, settings: "ELR", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base = settings, base
        zeros = tf.zeros([problem.examples, problem.classes])
        self.targets = Table(zeros, "elr_targets", problem.devices)

    def loss(self, batch: dict[str, Any], labels: Any, logits: Any) -> Any:
        beta, rows = self._settings.beta, batch["row"]
        p = tf.stop_gradient(probabilities(logits))
        seen = p / tf.reduce_sum(p, axis=-1, keepdims=True)
        target = beta * self.targets.gather(rows) + (1 - beta) * seen
        self.targets.update(rows, target)
        return self._base(labels, logits, batch["passed"]) + self._settings.weight * regularisation(target, logits)

    def label_table(self) -> np.ndarray:
        return believed(self.targets.value())


@register(reference="Liu et al., NeurIPS 2020 (arXiv 2007.00151), equations 6 and 9")
@dataclasses.dataclass(frozen=True)
class ELR:
    """Keeps what the network believed early: L = loss + w log(1 - <p, t>), t <- b t + (1 - b) p.

    t, one distribution per training example, takes no gradient.

    Args:
        weight: w, the paper's lambda (3 for CIFAR-10).
        beta: b, the momentum of the targets.
    """

    weight: float = 3.0
    beta: float = 0.7

    def __post_init__(self) -> None:
        if not (self.weight >= 0 and 0 <= self.beta < 1):
            raise UsageError(
                f"elr with weight = {self.weight}, beta = {self.beta}",
                "weight of at least 0, beta in [0, 1)",
                "use the paper's weight = 3, beta = 0.7",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
