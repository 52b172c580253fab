"""Binary label smoothing, positive and negative."""

import dataclasses
import math
from typing import Any

from tfqnoise.errors import UsageError
from tfqnoise.losses import register
from tfqnoise.losses.binary_cross_entropy import binary_cross_entropy
from tfqnoise.losses.multi_label import MultiLabel


def binary_label_smoothing(labels: Any, logits: Any, smoothing: float) -> Any:
    """e = BCE of (1 - s) y + s / 2 with s = smoothing, float32 [B, L]."""
    return binary_cross_entropy((1 - smoothing) * labels + smoothing / 2, logits)


@register(reference="Szegedy et al., CVPR 2016 (arXiv 1512.00567), on each label as two classes")
@dataclasses.dataclass(frozen=True)
class BinaryLabelSmoothing(MultiLabel):
    """Multi-label: binary cross-entropy of smoothed labels (1 - s) y + s / 2.

    Args:
        smoothing: s, finite and below 1; a negative one sharpens the labels, and the loss has no lower bound.
    """

    smoothing: float = 0.1

    def __post_init__(self) -> None:
        if not -math.inf < self.smoothing < 1:
            raise UsageError(
                f"binary_label_smoothing with smoothing = {self.smoothing}",
                "smoothing below 1, which would leave nothing of the labels",
                "use smoothing = 0.1",
            )

    def elementwise(self, labels: Any, logits: Any) -> Any:
        return binary_label_smoothing(labels, logits, self.smoothing)
