"""No criterion, as a control."""

import dataclasses

import numpy as np

from tfqnoise.compression.pruning.criteria import Criterion, Evidence, register


@register(reference="the control of Luo et al., ICCV 2017 (arXiv 1707.06342), section 4.1")
@dataclasses.dataclass(frozen=True)
class Random(Criterion):
    """Chance: what any criterion must beat."""

    def importance(self, evidence: Evidence) -> np.ndarray | None:
        # The first unit is the group's own number.
        drawn = np.random.default_rng([evidence.seed, int(evidence.group.units[0])])
        return drawn.random(len(evidence.group.units))
