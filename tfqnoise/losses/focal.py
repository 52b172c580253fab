"""Focal loss."""

import dataclasses
import math
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses import register


def terms(log_p: Any, gamma: float) -> Any:
    """Returns -(1 - p_k)^gamma log p_k for every class k, shaped as `log_p`."""
    # The power of an exact 0 has no finite gradient for gamma < 1; log p is 0 there and so is the term.
    return -(tf.maximum(-tf.math.expm1(log_p), 1e-30) ** gamma) * log_p


def focal(labels: Any, logits: Any, gamma: float) -> Any:
    """L = -sum_k y_k (1 - p_k)^gamma log p_k. Shapes as in `tfqnoise.losses`."""
    return tf.reduce_sum(labels * terms(tf.nn.log_softmax(tf.cast(logits, tf.float32)), gamma), axis=-1)


@register(reference="Lin et al., ICCV 2017 (arXiv 1708.02002), equation 4")
@dataclasses.dataclass(frozen=True)
class Focal:
    """Focal loss, L = -(1 - p_y)^gamma log p_y: pictures that are learnt already count less.

    It is here for comparison: what it dwells on is hard, and wrong labels are hard.

    Args:
        gamma: at least 0, which is cross-entropy.
    """

    gamma: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.gamma < math.inf:
            raise UsageError(f"focal with gamma = {self.gamma}", "gamma of at least 0", "use gamma = 2, the paper's")

    def __call__(self, labels: Any, logits: Any) -> Any:
        return focal(labels, logits, self.gamma)
