"""The mean loss over training: wrong labels are learned late or never."""

import dataclasses
import math
from typing import ClassVar

from tfqnoise.audit import mixture, register
from tfqnoise.audit.evidence import Evidence, Scores


@register(
    reference="mixture over losses: Arazo et al., ICML 2019 (arXiv 1904.11238); of Gaussians: Li et al., ICLR 2020 "
    "(arXiv 2002.07394), section 3.1; over the mean loss of training: Huang et al., ICCV 2019 (O2U-Net)"
)
@dataclasses.dataclass(frozen=True)
class LossMixture:
    """Flags labels whose mean loss over training is in the higher of two groups.

    The threshold is where a mixture of two Gaussians crosses, but at least log 2: a label that got more than half of
    the probability (its geometric mean over training) isn't flagged.
    """

    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def __call__(self, evidence: Evidence) -> Scores:
        loss = evidence.of("loss")
        threshold = max(mixture.crossing(loss, evidence.seed), math.log(2))
        return Scores(mixture.position(loss, threshold), loss > threshold)
