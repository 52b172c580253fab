"""Symmetric noise, inclusive: a wrong guess may by chance be right."""

import dataclasses

import numpy as np

from tfqnoise.noise import register
from tfqnoise.noise.transition import TransitionNoise


@register(
    reference="Tallec et al., ICIP 2023 (arXiv 2303.11803); DivideMix and ELR use the same convention",
    sample={"rate": 0.4},
)
@dataclasses.dataclass(frozen=True)
class Symmetric(TransitionNoise):
    """With probability r the label is redrawn uniformly over all C classes.

    T = (1 - r) I + r/C,  so the share of labels that are truly wrong is r (C - 1) / C.

    Args:
        rate: r, the share of labels redrawn, in [0, 1).
    """

    rate: float

    def transition(self, class_names: tuple[str, ...]) -> np.ndarray:
        classes = len(class_names)
        return (1 - self.rate) * np.eye(classes) + self.rate / classes
