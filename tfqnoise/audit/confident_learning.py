"""Confident learning through the cleanlab library. It stays in this file."""

import dataclasses
import importlib.util
from typing import ClassVar

import numpy as np

from tfqnoise.audit import register
from tfqnoise.audit.evidence import Evidence, Scores
from tfqnoise.errors import UsageError

FILTERS = ("prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given")
RANKINGS = ("self_confidence", "normalized_margin")


@register(reference="Northcutt et al., JAIR 2021 (arXiv 1911.00068); cleanlab (docs.cleanlab.ai)")
@dataclasses.dataclass(frozen=True)
class ConfidentLearning:
    """Flags what cleanlab prunes: for each given label and class so many as their joint says, the surest first.

    Args:
        filter_by: cleanlab's way to choose, such as prune_by_noise_rate or both.
        rank_by: the score: self_confidence (p[given]) or normalized_margin (p[given] - the largest other).

    Raises:
        UsageError: for another way; when called where cleanlab isn't installed.
    """

    filter_by: str = FILTERS[0]
    rank_by: str = RANKINGS[0]

    needs: ClassVar[tuple[str, ...]] = ("probabilities",)

    def __post_init__(self) -> None:
        for name, value, known in (("filter_by", self.filter_by, FILTERS), ("rank_by", self.rank_by, RANKINGS)):
            if value not in known:
                raise UsageError(
                    f"confident_learning with {name} '{value}'", f"one of {', '.join(known)}", "choose one"
                )

    @staticmethod
    def installed() -> bool:
        """Returns whether cleanlab is there."""
        return importlib.util.find_spec("cleanlab") is not None

    def check(self) -> None:
        """Raises UsageError where cleanlab isn't installed; called before anything is trained for it."""
        if not self.installed():
            raise UsageError(
                "--method confident_learning without the cleanlab library",
                "cleanlab 2.9 or later",
                "pip install 'tfqnoise[audit]', or choose --method self_confidence, which needs nothing more",
            )

    def __call__(self, evidence: Evidence) -> Scores:
        self.check()
        from cleanlab import count, filter, rank

        given = evidence.given
        # Float32 rows don't sum to 1 as exactly as cleanlab asks.
        probabilities = evidence.of("probabilities").astype(np.float64)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        joint = count.compute_confident_joint(given, probabilities, calibrate=True)
        # cleanlab's filter of that name counts its own joint, without calibrating it, and warns of another.
        shared = None if self.filter_by == "confident_learning" else joint
        # One process: what is left to share out is less than starting others costs.
        flagged = filter.find_label_issues(
            given, probabilities, filter_by=self.filter_by, confident_joint=shared, n_jobs=1
        )
        quality = rank.get_label_quality_scores(given, probabilities, method=self.rank_by)
        return Scores(
            np.clip(1 - np.asarray(quality, np.float64), 0, 1),
            np.asarray(flagged, bool),
            probabilities.argmax(axis=1),
            np.asarray(joint, np.float64),
        )
