"""Symmetric noise, exclusive: every changed label is wrong."""

import dataclasses

import numpy as np

from tfqnoise.noise import register
from tfqnoise.noise.transition import TransitionNoise


@register(reference="Patrini et al., CVPR 2017 (arXiv 1609.03683)", sample={"rate": 0.4})
@dataclasses.dataclass(frozen=True)
class SymmetricExclusive(TransitionNoise):
    """With probability r the label becomes one of the C - 1 others, all equally likely.

    T = (1 - r) I + r/(C - 1) (1 - I),  so the share of labels that are truly wrong is r.

    Args:
        rate: r, the share of labels that become wrong, in [0, 1).
    """

    rate: float

    def transition(self, class_names: tuple[str, ...]) -> np.ndarray:
        classes = len(class_names)
        other = np.ones((classes, classes)) - np.eye(classes)
        return (1 - self.rate) * np.eye(classes) + self.rate / (classes - 1) * other
