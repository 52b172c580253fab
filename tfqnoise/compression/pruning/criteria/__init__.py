"""Criteria of structured pruning: which filters matter. One file per criterion.

A criterion is a frozen dataclass with `importance(evidence)`, which returns float64 [N], how much each of the N units
of a group matters: the least is removed first. It returns None for a group that it can't judge, which is then left
whole. `multipliers(evidence, kept)` returns by what the kernels of each layer that reads the units are multiplied,
one float64 [N] a layer, to make up for those that are removed; nothing for most.
"""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.compression.pruning.channels import Channels, Group
from tfqnoise.registry import Registry

registry = Registry("criterion", __name__)
register, get = registry.register, registry.get


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What a criterion judges by.

    Attributes:
        network: a plain trained network.
        channels: of it.
        group: the units to judge.
        pictures: float32 [P, H, W, C] in [0, 1], of the training pictures.
        seed: of what is drawn.
    """

    network: Any
    channels: Channels
    group: Group
    pictures: np.ndarray
    seed: int = 0


class Criterion:
    """The base of criteria, see the package."""

    def importance(self, evidence: Evidence) -> np.ndarray | None:
        """Returns float64 [N], how much each unit of the group matters."""
        raise NotImplementedError

    def multipliers(self, evidence: Evidence, kept: np.ndarray) -> dict[str, np.ndarray]:
        """Returns by layer that reads the units, float64 [N], what its kernel is multiplied by.

        Args:
            evidence: the network before removal.
            kept: bool [N], which units stay.
        """
        return {}
