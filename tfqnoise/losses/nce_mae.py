"""Normalised cross-entropy with mean absolute error."""

import dataclasses
from typing import Any

from tfqnoise.losses import register
from tfqnoise.losses.active_passive import check, normalised_cross_entropy
from tfqnoise.losses.mae import mae


def nce_mae(labels: Any, logits: Any, alpha: float, beta: float) -> Any:
    """L = alpha NCE + beta MAE (`tfqnoise.losses.active_passive`). Shapes as in `tfqnoise.losses`."""
    return alpha * normalised_cross_entropy(labels, logits) + beta * mae(labels, logits)


@register(reference="Ma et al., ICML 2020 (arXiv 2006.13554)")
@dataclasses.dataclass(frozen=True)
class NceMae:
    """Active-passive loss, L = alpha log p_y / sum_k log p_k + beta (1 - p_y).

    Args:
        alpha: at least 0, the weight of normalised cross-entropy: 1 for CIFAR-10.
        beta: at least 0, the weight of mean absolute error: 1 for CIFAR-10.
    """

    alpha: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        check("nce_mae", self.alpha, self.beta)

    def __call__(self, labels: Any, logits: Any) -> Any:
        return nce_mae(labels, logits, self.alpha, self.beta)
