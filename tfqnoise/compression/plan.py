"""The compression plan: which phase of training follows which, and what became of each layer.

It is made and shown before training, so that nobody trains for a day in vain.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable

from tfqnoise.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class LayerReport:
    """What became of one layer.

    Attributes:
        layer: its name in the plain network.
        kind: its Keras class.
        status: quantised, folded (into another layer), fused (with what follows), passed (moves values
            only) or float.
        reason: how, or why not.
    """

    layer: str
    kind: str
    status: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Phase:
    """A stretch of epochs trained in one way.

    Attributes:
        start: first epoch, counted from 0.
        end: the epoch behind the last.
        quantised: whether the network is quantised.
        batch_norm_frozen: whether batch norm uses its stored statistics and keeps them.
    """

    start: int
    end: int
    quantised: bool
    batch_norm_frozen: bool


def phases(recipe: Recipe) -> list[Phase]:
    """Returns the phases of a recipe: float, quantised, and at the end frozen batch-norm statistics.

    Only phases that have an epoch are returned; together they cover all epochs once.
    """
    frozen_from = recipe.epochs - math.floor(recipe.freeze_batch_norm * recipe.epochs)
    quantised_from = recipe.float_epochs if recipe.bits < 32 else recipe.epochs
    cuts = sorted({0, quantised_from, frozen_from, recipe.epochs})
    return [
        Phase(start, end, start >= quantised_from, start >= frozen_from) for start, end in itertools.pairwise(cuts)
    ]


def table(reports: Iterable[LayerReport]) -> str:
    """Returns the reports as aligned lines of text."""
    rows = [(r.layer, r.kind, r.status, r.reason) for r in reports]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )
