"""Normalised focal loss with reverse cross-entropy."""

import dataclasses
from typing import Any

from tfqnoise.losses import register
from tfqnoise.losses.active_passive import check, normalised_focal, reverse_cross_entropy


def nfl_rce(labels: Any, logits: Any, alpha: float, beta: float, gamma: float, floor: float) -> Any:
    """L = alpha NFL + beta RCE (`tfqnoise.losses.active_passive`). Shapes as in `tfqnoise.losses`."""
    return alpha * normalised_focal(labels, logits, gamma) + beta * reverse_cross_entropy(labels, logits, floor)


@register(reference="Ma et al., ICML 2020 (arXiv 2006.13554)")
@dataclasses.dataclass(frozen=True)
class NflRce:
    """Active-passive loss, L = alpha f_y / sum_k f_k - beta A (1 - p_y) with f_k = -(1 - p_k)^gamma log p_k.

    Args:
        alpha: at least 0, the weight of the normalised focal loss: 1 for CIFAR-10.
        beta: at least 0, the weight of reverse cross-entropy: 1 for CIFAR-10.
        gamma: at least 0, which is normalised cross-entropy.
        floor: in (0, 1), what stands for the 0 of the labels in log 0, A = log floor; 1e-4 in the authors' code.
    """

    alpha: float = 1.0
    beta: float = 1.0
    gamma: float = 0.5
    floor: float = 1e-4

    def __post_init__(self) -> None:
        check("nfl_rce", self.alpha, self.beta, gamma=self.gamma, floor=self.floor)

    def __call__(self, labels: Any, logits: Any) -> Any:
        return nfl_rce(labels, logits, self.alpha, self.beta, self.gamma, self.floor)
