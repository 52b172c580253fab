"""Asymmetric loss."""

import dataclasses
import math
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses import register
from tfqnoise.losses.multi_label import MultiLabel

# The power of an exact 0 has no finite gradient for an exponent below 1.
_TINY = 1e-30
_RESOLVED = 1e-6


def asymmetric(labels: Any, logits: Any, gamma_pos: float, gamma_neg: float, clip: float) -> Any:
    """e = -y (1 - p)^g+ log p - (1 - y) m^g- log (1 - m), m = max(p - clip, 0), p = sigmoid(logits), [B, L].

    The gradient is that of the whole formula; the authors' code can leave the powers out of it.
    """
    p = tf.sigmoid(logits)
    present = tf.maximum(tf.sigmoid(-logits), _TINY) ** gamma_pos * tf.math.log_sigmoid(logits)
    shifted = tf.maximum(p - clip, _TINY)
    # Shifted by more than float32 resolves, the probability stays below 1 and its logarithm is finite by itself.
    log_absent = tf.math.log1p(-shifted) if clip > _RESOLVED else tf.math.log_sigmoid(-logits)
    return -(labels * present + (1 - labels) * shifted**gamma_neg * log_absent)


@register(reference="Ridnik et al., ICCV 2021 (arXiv 2009.14119)")
@dataclasses.dataclass(frozen=True)
class Asymmetric(MultiLabel):
    """Multi-label: asymmetric loss, e = -(1 - p)^g+ log p if present, -m^g- log (1 - m) if absent, m = max(p - c, 0).

    The many easy absent labels of rare attributes count less, and none at all below c.

    Args:
        gamma_pos: g+, at least 0, for labels that are present.
        gamma_neg: g-, at least 0, for labels that are absent.
        clip: c, in [0, 1), taken off the probability of an absent label.
    """

    gamma_pos: float = 0.0
    gamma_neg: float = 4.0
    clip: float = 0.05

    def __post_init__(self) -> None:
        if not (0 <= self.gamma_pos < math.inf and 0 <= self.gamma_neg < math.inf and 0 <= self.clip < 1):
            raise UsageError(
                f"asymmetric with gamma_pos = {self.gamma_pos}, gamma_neg = {self.gamma_neg}, clip = {self.clip}",
                "gamma_pos and gamma_neg of at least 0, clip in [0, 1)",
                "use gamma_pos = 0, gamma_neg = 4, clip = 0.05",
            )

    def elementwise(self, labels: Any, logits: Any) -> Any:
        return asymmetric(labels, logits, self.gamma_pos, self.gamma_neg, self.clip)
