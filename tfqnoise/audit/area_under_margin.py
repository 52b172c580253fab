"""The area under the margin: wrong labels keep a low margin while the network learns."""

import dataclasses
from typing import ClassVar

from tfqnoise.audit import mixture, register
from tfqnoise.audit.evidence import Evidence, Scores


@register(reference="Pleiss et al., NeurIPS 2020 (arXiv 2001.10528), equation 1; the threshold is ours")
@dataclasses.dataclass(frozen=True)
class AreaUnderMargin:
    """Flags labels whose mean margin over training is negative and in the lower of two groups.

        margin = mean over epochs of (logit of the given label - largest other logit)

    The paper finds its threshold with threshold samples, which get an extra class and so another network. Here a
    mixture of two Gaussians parts the margins, and the threshold is where they cross, but at most 0: a label whose
    logit led on average isn't flagged, so that clean data, which have no two groups, stay as they are.
    """

    needs: ClassVar[tuple[str, ...]] = ("margin",)

    def __call__(self, evidence: Evidence) -> Scores:
        doubt = -evidence.of("margin")
        threshold = max(mixture.crossing(doubt, evidence.seed), 0.0)
        return Scores(mixture.position(doubt, threshold), doubt > threshold)
