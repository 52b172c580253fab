"""What the training strategy came to believe of the labels."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfqnoise.audit import register
from tfqnoise.audit.evidence import Evidence, Scores


@register(reference="the tables of PENCIL (arXiv 1903.07788), ELR (arXiv 2007.00151) and others, see list strategies")
@dataclasses.dataclass(frozen=True)
class LabelTable:
    """Flags labels that the strategy's own table holds for less probable than another: score = 1 - table[given]."""

    needs: ClassVar[tuple[str, ...]] = ("table",)

    def __call__(self, evidence: Evidence) -> Scores:
        table, given = evidence.of("table"), evidence.given
        own = np.take_along_axis(table, given[:, None], axis=1)[:, 0].astype(np.float64)
        # Of two classes that are equally probable the given one stays.
        flagged = table.max(axis=1) > own
        suggested = np.where(flagged, table.argmax(axis=1), given)
        return Scores(np.clip(1 - own, 0, 1), flagged, suggested)
