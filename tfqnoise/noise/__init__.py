"""How labels become wrong. One file per kind; NumPy only.

A kind is a frozen dataclass with

    given(truth, seed) -> the labels that training sees, int64 of the shape of `truth.labels`
    expected_rate(truth) -> the share of labels that it means to change, or None if it can't know; gets no pictures

both pure functions, so that a label depends on (seed, id, label) and, where the kind looks at pictures, on its
picture, never on order. `task` says whether it is for one label a picture ("single") or several ("multi"). Kinds
that a transition matrix describes inherit from `tfqnoise.noise.transition.TransitionNoise`.

A field called `rate`, `file` or `labels` takes the value of --noise, --noise-file or --noise-labels.
"""

import dataclasses

import numpy as np

from tfqnoise.hashing import keys_of
from tfqnoise.registry import Registry

registry = Registry("noise kind", __name__)
register, get = registry.register, registry.get


@dataclasses.dataclass(frozen=True)
class Truth:
    """What a kind of noise may look at.

    Attributes:
        ids: N strings.
        labels: int64 [N] in [0, C); for several labels a picture [N, L] of 1, 0 and -1 (unknown, never changed).
        images: uint8 [N, H, W, channels].
        class_names: C (or L) names.
    """

    ids: np.ndarray
    labels: np.ndarray
    images: np.ndarray
    class_names: tuple[str, ...]

    @property
    def keys(self) -> np.ndarray:
        """The 64-bit keys of the ids, uint64 [N]."""
        return keys_of(self.ids)
