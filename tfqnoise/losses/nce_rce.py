"""Normalised cross-entropy with reverse cross-entropy."""

import dataclasses
from typing import Any

from tfqnoise.losses import register
from tfqnoise.losses.active_passive import check, normalised_cross_entropy, reverse_cross_entropy


def nce_rce(labels: Any, logits: Any, alpha: float, beta: float, floor: float) -> Any:
    """L = alpha NCE + beta RCE (`tfqnoise.losses.active_passive`). Shapes as in `tfqnoise.losses`."""
    return alpha * normalised_cross_entropy(labels, logits) + beta * reverse_cross_entropy(labels, logits, floor)


@register(reference="Ma et al., ICML 2020 (arXiv 2006.13554)")
@dataclasses.dataclass(frozen=True)
class NceRce:
    """Active-passive loss, L = alpha log p_y / sum_k log p_k - beta A (1 - p_y) with A = log floor.

    Args:
        alpha: at least 0, the weight of normalised cross-entropy: 1 for CIFAR-10.
        beta: at least 0, the weight of reverse cross-entropy: 1 for CIFAR-10.
        floor: in (0, 1), what stands for the 0 of the labels in log 0; 1e-4 in the authors' code.
    """

    alpha: float = 1.0
    beta: float = 1.0
    floor: float = 1e-4

    def __post_init__(self) -> None:
        check("nce_rce", self.alpha, self.beta, floor=self.floor)

    def __call__(self, labels: Any, logits: Any) -> Any:
        return nce_rce(labels, logits, self.alpha, self.beta, self.floor)
