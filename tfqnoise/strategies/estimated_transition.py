"""Correction of the loss by a transition matrix that the network itself estimates."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses.forward import forward
from tfqnoise.strategies import Problem, State, register


class _State(State):
    """The estimated matrix T, [C, C]: the identity until the warm-up is over."""

    def __init__(self, settings: "EstimatedTransition", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._problem = settings, base, problem
        self.matrix = tf.Variable(tf.eye(problem.classes), trainable=False, name="transition_matrix")

    def begin_epoch(self, epoch: int, predict: Callable[[int], np.ndarray]) -> None:
        epochs = self._problem.epochs
        # Never before it has learnt for an epoch, and in time for the last one.
        warm = max(min(round(self._settings.warm_up * epochs), epochs - 1), 1)
        if epoch - self._problem.first == warm:
            self.matrix.assign(estimated(predict(0), self._settings.percentile))

    def loss(self, batch: dict[str, Any], labels: Any, logits: Any) -> Any:
        corrected = forward(labels, logits, self.matrix)
        return tf.where(
            batch["passed"] < self._settings.warm_up, self._base(labels, logits, batch["passed"]), corrected
        )

    def findings(self) -> dict[str, float]:
        return {"estimated_noise_rate": float(1 - np.trace(self.matrix.numpy()) / self._problem.classes)}


def estimated(logits: np.ndarray, percentile: float) -> np.ndarray:
    """Returns T with T_kj = p_j(x_k), where x_k is the picture that looks most like class k.

    Args:
        logits: [N, C] of all training pictures.
        percentile: of p_k at which x_k is taken; the very largest may be an outlier.
    """
    logits = logits.astype(np.float64)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    order = np.argsort(p, axis=0, kind="stable")
    rank = min(len(p) - 1, round(percentile / 100 * (len(p) - 1)))
    return p[order[rank]].astype(np.float32)


@register(reference="Patrini et al., CVPR 2017 (arXiv 1609.03683), section 4.1, equations 12 and 13")
@dataclasses.dataclass(frozen=True)
class EstimatedTransition:
    """Learns the labels as they are, estimates T from its own answers, and goes on with L = -log sum_k p_k T_ky.

    Args:
        warm_up: share of the training after which T is estimated, in (0, 1).
        percentile: see `estimated`; the paper's 97 for data sets with some classes, 100 for the largest itself.
    """

    warm_up: float = 0.4
    percentile: float = 97.0

    def __post_init__(self) -> None:
        if not (0 < self.warm_up < 1 and 0 < self.percentile <= 100):
            raise UsageError(
                f"estimated_transition with warm_up = {self.warm_up}, percentile = {self.percentile}",
                "warm_up between 0 and 1, percentile in (0, 100]",
                "leave them out for 0.4 and 97",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
