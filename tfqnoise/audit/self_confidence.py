"""How probable networks that haven't seen a label hold it to be."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfqnoise.audit import confident_joint, register
from tfqnoise.audit.evidence import Evidence, Scores


@register(reference="Northcutt et al., JAIR 2021 (arXiv 1911.00068), section 3, the method C_confusion's joint")
@dataclasses.dataclass(frozen=True)
class SelfConfidence:
    """Flags labels beside which another class is confidently predicted: score = 1 - p[given], out of sample.

    A class is confident from the mean probability on that it has among the examples given that label, so that a class
    of which networks are never sure isn't flagged as a whole. Needs nothing but NumPy.
    """

    needs: ClassVar[tuple[str, ...]] = ("probabilities",)

    def __call__(self, evidence: Evidence) -> Scores:
        given, probabilities = evidence.given, evidence.of("probabilities").astype(np.float64)
        confident = confident_joint.confident_classes(given, probabilities)
        own = np.take_along_axis(probabilities, given[:, None], axis=1)[:, 0]
        flagged = (confident >= 0) & (confident != given)
        joint = confident_joint.counted(given, confident, probabilities.shape[1])
        return Scores(
            np.clip(1 - own, 0, 1),
            flagged,
            np.where(flagged, confident, probabilities.argmax(axis=1)),
            confident_joint.calibrated(joint, given),
        )
