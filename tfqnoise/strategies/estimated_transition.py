"""Correction of the loss by a transition matrix that the network itself estimates."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses.forward import forward
from tfqnoise.strategies import Problem, State, register, relabelling


class _State(State):
    """The estimated matrix T, [C, C]: the identity until the warm-up is over."""

    def __init__(self, settings: "EstimatedTransition", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._problem = settings, base, problem
        self.matrix = tf.Variable(tf.eye(problem.classes), trainable=False, name="transition_matrix")
        self.rate = tf.Variable(-1.0, trainable=False, name="noise_rate")

    def begin_epoch(self, epoch: int, predict: Callable[[int], np.ndarray]) -> None:
        epochs = self._problem.epochs
        # Never before it has learnt for an epoch, and in time for the last one.
        warm = max(min(round(self._settings.warm_up * epochs), epochs - 1), 1)
        if epoch - self._problem.first == warm:
            p, percentile, given = _softmax(predict(0)), self._settings.percentile, self._problem.given
            if percentile is None:
                self.matrix.assign(relabelling.estimated(p, given))
            else:
                self.matrix.assign(estimated(p, percentile))
            self.rate.assign(_rate(self.matrix.numpy(), given))

    def loss(self, batch: dict[str, Any], labels: Any, logits: Any) -> Any:
        corrected = forward(labels, logits, self.matrix)
        return tf.where(
            batch["passed"] < self._settings.warm_up, self._base(labels, logits, batch["passed"]), corrected
        )

    def findings(self) -> dict[str, float]:
        return {"estimated_noise_rate": float(self.rate)} if float(self.rate) >= 0 else {}


def estimated(p: np.ndarray, percentile: float) -> np.ndarray:
    """Returns T with T_kj = p_j(x_k), where x_k is the picture that looks most like class k.

    Args:
        p: [N, C], the predictions for all training pictures.
        percentile: of p_k at which x_k is taken; the very largest may be an outlier.
    """
    order = np.argsort(p, axis=0, kind="stable")
    rank = min(len(p) - 1, round(percentile / 100 * (len(p) - 1)))
    return p[order[rank]].astype(np.float32)


def _rate(matrix: np.ndarray, given: np.ndarray) -> float:
    """Returns 1 - sum_k P(k) T_kk, the share of wrong labels, where sum_k P(k) T_ky is the share of the label y."""
    shares = np.bincount(given, minlength=len(matrix)) / len(given)
    classes = np.clip(np.linalg.lstsq(matrix.T.astype(np.float64), shares, rcond=None)[0], 0, None)
    return float(1 - (classes / classes.sum() * matrix.diagonal()).sum())


def _softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


@register(reference="Patrini et al., CVPR 2017 (arXiv 1609.03683), section 4.1, equations 12 and 13")
@dataclasses.dataclass(frozen=True)
class EstimatedTransition:
    """Learns the labels as they are, estimates T from its own answers, and goes on with L = -log sum_k p_k T_ky.

    Args:
        warm_up: share of the training after which T is estimated, in (0, 1).
        percentile: null to count the given labels of the pictures that it is surest of, for which it need not be sure
            of itself (`tfqnoise.strategies.relabelling.estimated`); a number for the paper's way, the prediction for
            one picture a class: 97, or 100 for the surest itself.
    """

    warm_up: float = 0.4
    percentile: float | None = None

    def __post_init__(self) -> None:
        if not (0 < self.warm_up < 1 and (self.percentile is None or 0 < self.percentile <= 100)):
            raise UsageError(
                f"estimated_transition with warm_up = {self.warm_up}, percentile = {self.percentile}",
                "warm_up between 0 and 1, percentile in (0, 100] or null",
                "leave them out for 0.4 and null",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
