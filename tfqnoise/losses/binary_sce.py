"""Binary symmetric cross-entropy."""

import dataclasses
import math
from typing import Any

from tfqnoise.losses import register
from tfqnoise.losses.active_passive import check
from tfqnoise.losses.binary_cross_entropy import binary_cross_entropy
from tfqnoise.losses.binary_gce import binary_gce
from tfqnoise.losses.multi_label import MultiLabel


def binary_sce(labels: Any, logits: Any, alpha: float, beta: float, floor: float) -> Any:
    """e = alpha BCE - beta A (1 - p_y) with A = log floor, float32 [B, L]; soft labels: the mean over both values."""
    wrong = binary_gce(labels, logits, 1.0)
    return alpha * binary_cross_entropy(labels, logits) - beta * math.log(floor) * wrong


@register(reference="Wang et al., ICCV 2019 (arXiv 1908.06112), on each label as two classes")
@dataclasses.dataclass(frozen=True)
class BinarySCE(MultiLabel):
    """Multi-label: symmetric cross-entropy of each label, e = -alpha log p_y - beta A (1 - p_y), A = log floor.

    Args:
        alpha: at least 0, the weight of cross-entropy.
        beta: at least 0, the weight of reverse cross-entropy.
        floor: in (0, 1), what stands for the 0 of the labels in log 0.
    """

    alpha: float = 0.1
    beta: float = 1.0
    floor: float = 1e-4

    def __post_init__(self) -> None:
        check("binary_sce", self.alpha, self.beta, floor=self.floor)

    def elementwise(self, labels: Any, logits: Any) -> Any:
        return binary_sce(labels, logits, self.alpha, self.beta, self.floor)
