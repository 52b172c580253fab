"""Pair noise: each class is taken for the next one."""

import dataclasses

import numpy as np

from tfqnoise.noise import register
from tfqnoise.noise.transition import TransitionNoise


@register(reference="Han et al., NeurIPS 2018 (arXiv 1804.06872)", sample={"rate": 0.4})
@dataclasses.dataclass(frozen=True)
class Pairflip(TransitionNoise):
    """With probability r the label y becomes y + 1, and the last class the first.

    T = (1 - r) I + r P,  P_{y, (y + 1) mod C} = 1,  so the share of labels that are truly wrong is r. From r = 0.5 on
    most labels of a class are wrong in the same way, and nothing in the data tells which are right.

    Args:
        rate: r, the share of labels that become wrong, in [0, 1).
    """

    rate: float

    def transition(self, class_names: tuple[str, ...]) -> np.ndarray:
        same = np.eye(len(class_names))
        return (1 - self.rate) * same + self.rate * np.roll(same, 1, axis=1)
