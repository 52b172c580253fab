"""Binary generalised cross-entropy."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses import register
from tfqnoise.losses.multi_label import MultiLabel


def binary_gce(labels: Any, logits: Any, q: float) -> Any:
    """e = y (1 - p^q) / q + (1 - y) (1 - (1 - p)^q) / q with p = sigmoid(logits), float32 [B, L]."""
    present, absent = (tf.math.expm1(q * tf.math.log_sigmoid(sign * logits)) for sign in (1.0, -1.0))
    return -(labels * present + (1 - labels) * absent) / q


@register(reference="Zhang and Sabuncu, NeurIPS 2018 (arXiv 1805.07836), equation 6, on each label as two classes")
@dataclasses.dataclass(frozen=True)
class BinaryGCE(MultiLabel):
    """Multi-label: generalised cross-entropy of each label, e = (1 - p_y^q) / q with p_y of the given value.

    Args:
        q: in (0, 1]; the larger, the less a label counts that the network finds unlikely.
    """

    q: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.q <= 1:
            raise UsageError(f"binary_gce with q = {self.q}", "q in (0, 1]", "use q = 0.7, the paper's value")

    def elementwise(self, labels: Any, logits: Any) -> Any:
        return binary_gce(labels, logits, self.q)
