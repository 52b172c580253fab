"""Early-learning regularisation (ELR)."""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem, State, register


class _State(State):
    """The running target t of every training example, [examples, classes], zero until first seen."""

    def __init__(self, settings: "ELR", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base = settings, base
        zeros = tf.zeros([problem.examples, problem.classes])
        self.targets = tf.Variable(zeros, trainable=False, name="elr_targets")

    def loss(self, batch: dict[str, Any], labels: Any, logits: Any) -> Any:
        beta, rows = self._settings.beta, batch["row"]
        p = tf.clip_by_value(tf.nn.softmax(tf.cast(logits, tf.float32)), 1e-4, 1 - 1e-4)
        seen = tf.stop_gradient(p / tf.reduce_sum(p, axis=-1, keepdims=True))
        # A gather of the variable copies no table, and an example stands in a batch only once.
        target = beta * tf.gather(self.targets, rows) + (1 - beta) * seen
        self.targets.scatter_nd_update(rows[:, None], target)
        agreement = tf.reduce_sum(target * p, axis=-1)
        return self._base(labels, logits, batch["passed"]) + self._settings.weight * tf.math.log1p(-agreement)

    def label_table(self) -> np.ndarray:
        # What the momentum leaves to the zeros it began with belongs to no class.
        table = self.targets.numpy()
        return (table + 1e-6) / (table + 1e-6).sum(axis=1, keepdims=True)


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
