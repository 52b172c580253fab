"""Symmetric noise, inclusive: a wrong guess may by chance be right."""

import dataclasses

import numpy as np

from tfqnoise.noise import register


@register(
    reference="Tallec et al., ICIP 2023 (arXiv 2303.11803); DivideMix and ELR use the same convention",
    sample={"rate": 0.4},
)
@dataclasses.dataclass(frozen=True)
class Symmetric:
    """With probability r the label is redrawn uniformly over all C classes.

    T = (1 - r) I + r/C,  so the share of labels that are truly wrong is r (C - 1) / C.

    Args:
        rate: r, the share of labels redrawn, in [0, 1).
    """

    rate: float

    def transition(self, classes: int) -> np.ndarray:
        return (1 - self.rate) * np.eye(classes) + self.rate / classes
