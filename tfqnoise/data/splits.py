"""Splits by id: an example's side depends on its id alone, not on order, seed or what else there is."""

import numpy as np

from tfqnoise.data.source import Examples
from tfqnoise.hashing import uniform

_USES = {"test": 301, "validation": 302, "labelled": 303, "part": 304}


def hold_out(examples: Examples, share: float, use: str) -> tuple[Examples, Examples]:
    """Returns (kept, held out), where each example is held out with probability `share` by its id.

    Args:
        examples: what to split.
        share: in (0, 1).
        use: "test" or "validation"; the two draws are independent.
    """
    held = uniform(examples.keys, _USES[use]) < share
    return examples.take(~held), examples.take(held)


def parts(examples: Examples, part: int, count: int) -> tuple[Examples, Examples]:
    """Returns (kept, held out), where a part of `count` equally likely ones is held out.

    Args:
        examples: what to split.
        part: counted from 0.
        count: how many parts there are.
    """
    held = np.floor(uniform(examples.keys, _USES["part"]) * count) == part
    return examples.take(~held), examples.take(held)


def first(examples: Examples, count: int) -> tuple[Examples, Examples]:
    """Returns (`count` examples, the others); a larger count keeps those of a smaller one."""
    order = np.argsort(uniform(examples.keys, _USES["labelled"]), kind="stable")
    return examples.take(order[:count]), examples.take(order[count:])
