"""Filters whose removal the next layer feels least."""

import dataclasses

import numpy as np

from tfqnoise.compression.pruning.criteria import Criterion, Evidence, register
from tfqnoise.compression.pruning.responses import contributions
from tfqnoise.errors import UsageError


@register(reference="Luo et al., ICCV 2017 (arXiv 1707.06342), equations 5 to 8 and algorithm 1")
@dataclasses.dataclass(frozen=True)
class Thinet(Criterion):
    """What removal does to sampled responses of the next layers, chosen greedily, and made up for by least squares.

    A response is y = sum over channels c of x_c. Units are removed one after the other: that j which makes
    sum over rows of (sum over removed c and j of x_c)^2 least. Then the kernels that read kept units are multiplied
    by w = argmin over w of |y - X w|^2 + lambda |w - 1|^2, a layer at a time, lambda being `ridge` times the mean
    square of a column of X: with none, channels that are alike or silent get arbitrary weights.

    The paper prunes channels that one layer reads; where several read a unit, as in residual networks, the rows of
    all count.

    Args:
        rescale: whether kept channels make up for removed ones.
        ridge: relative strength of the pull to 1.
    """

    rescale: bool = True
    ridge: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.ridge < float("inf"):
            raise UsageError(f"thinet with ridge = {self.ridge}", "at least 0", "leave it out for 0.01")

    def importance(self, evidence: Evidence) -> np.ndarray | None:
        rows = self._rows(evidence)
        if not rows:
            return None
        table = np.concatenate(list(rows.values()))
        squares = table.T @ table
        left, removed = list(range(len(squares))), np.zeros(len(squares))
        importance, worst = np.zeros(len(squares)), 0.0
        for rank in range(len(squares)):
            values = removed @ squares @ removed + 2 * (squares @ removed)[left] + squares.diagonal()[left]
            place = int(np.argmin(values))
            unit, value = left.pop(place), float(values[place])
            removed[unit] = 1
            # What was removed earlier is never more important, though a later one may cancel its effect.
            worst = max(worst, value)
            importance[unit] = worst / len(table) + rank * 1e-12
        return importance

    def multipliers(self, evidence: Evidence, kept: np.ndarray) -> dict[str, np.ndarray]:
        if not self.rescale or kept.all():
            return {}
        found = {}
        for name, table in self._rows(evidence).items():
            lost, stay = table[:, ~kept].sum(axis=1), table[:, kept]
            squares = stay.T @ stay
            pull = self.ridge * np.trace(squares) / max(1, len(squares))
            change = np.linalg.lstsq(squares + pull * np.eye(len(squares)), stay.T @ lost, rcond=None)[0]
            found[name] = np.ones(len(kept))
            found[name][kept] += change
        return found

    def _rows(self, evidence: Evidence) -> dict[str, np.ndarray]:
        return contributions(evidence.network, evidence.channels, evidence.group, evidence.pictures, evidence.seed)
