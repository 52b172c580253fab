"""Symmetric cross-entropy."""

import dataclasses
from typing import Any

from tfqnoise.losses import register
from tfqnoise.losses.active_passive import check, reverse_cross_entropy
from tfqnoise.losses.cross_entropy import cross_entropy


def sce(labels: Any, logits: Any, alpha: float, beta: float, floor: float) -> Any:
    """L = alpha CE + beta RCE (`active_passive.reverse_cross_entropy`). Shapes as in `tfqnoise.losses`."""
    return alpha * cross_entropy(labels, logits) + beta * reverse_cross_entropy(labels, logits, floor)


@register(reference="Wang et al., ICCV 2019 (arXiv 1908.06112)")
@dataclasses.dataclass(frozen=True)
class SCE:
    """Symmetric cross-entropy, L = -alpha log p_y - beta A (1 - p_y) with A = log floor.

    Args:
        alpha: at least 0, the weight of cross-entropy: 0.1 for CIFAR-10, 6 for CIFAR-100.
        beta: at least 0, the weight of reverse cross-entropy: 1 for CIFAR-10, 0.1 for CIFAR-100.
        floor: in (0, 1), what stands for the 0 of the labels in log 0; 1e-4 (A = -9.2) in the authors' code.
    """

    alpha: float = 0.1
    beta: float = 1.0
    floor: float = 1e-4

    def __post_init__(self) -> None:
        check("sce", self.alpha, self.beta, floor=self.floor)

    def __call__(self, labels: Any, logits: Any) -> Any:
        return sce(labels, logits, self.alpha, self.beta, self.floor)
