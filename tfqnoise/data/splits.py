"""Splits by id: an example's side depends on its id alone, not on order, seed or what else there is.

One is an exception: `of_each_class` ranks the ids of a class, so that what is held out of a small folder has each
class as often as the folder has it. There a side depends on which ids the class has, but on neither order nor seed.

Pictures that belong together (`Examples.groups`, such as the frames of a person) are held out together. Groups are
few, so that drawing each by itself might take none or all of them; they are ranked by their keys instead.
"""

import numpy as np

from tfqnoise.data.source import Examples
from tfqnoise.hashing import keys_of, uniform

_USES = {"test": 301, "validation": 302, "labelled": 303, "part": 304}


def hold_out(examples: Examples, share: float, use: str) -> tuple[Examples, Examples]:
    """Returns (kept, held out), where each example is held out with probability `share` by its id.

    Of groups, the share of them nearest to `share` is held out: at least one, and never all.

    Args:
        examples: what to split.
        share: in (0, 1).
        use: "test" or "validation"; the two draws are independent.
    """
    if examples.groups is None:
        held = uniform(examples.keys, _USES[use]) < share
    else:
        rank, count = _ranked(examples.groups, use)
        held = rank < min(max(1, round(share * count)), count - 1)
    return examples.take(~held), examples.take(held)


def of_each_class(examples: Examples, share: float, use: str) -> tuple[Examples, Examples]:
    """Returns (kept, held out), where of each class the share with the lowest keys is held out.

    Of n examples of a class that is share * n rounded to the nearest: at least one where there are two or more, and
    never all. Drawn one by one instead, the classes of a small folder differ by chance, and one class has the word in
    every figure.

    Args:
        examples: what to split, with one label each, int64 [N].
        share: in (0, 1).
        use: see `hold_out`.
    """
    draws, held = uniform(examples.keys, _USES[use]), np.zeros(len(examples), bool)
    for label in np.unique(examples.labels):
        rows = np.flatnonzero(examples.labels == label)
        count = min(max(1, round(share * len(rows))), len(rows) - 1)
        # The id decides between equal draws, so that order never does.
        held[rows[np.lexsort((examples.ids[rows], draws[rows]))[:count]]] = True
    return examples.take(~held), examples.take(held)


def parts(examples: Examples, part: int, count: int) -> tuple[Examples, Examples]:
    """Returns (kept, held out), where a part of `count` equally likely ones is held out.

    Groups are dealt to the parts in turn, so that none stays empty while there are as many groups as parts.

    Args:
        examples: what to split.
        part: counted from 0.
        count: how many parts there are.
    """
    if examples.groups is None:
        held = np.floor(uniform(examples.keys, _USES["part"]) * count) == part
    else:
        held = _ranked(examples.groups, "part")[0] % count == part
    return examples.take(~held), examples.take(held)


def first(examples: Examples, count: int) -> tuple[Examples, Examples]:
    """Returns (`count` examples, the others); a larger count keeps those of a smaller one."""
    order = np.argsort(uniform(examples.keys, _USES["labelled"]), kind="stable")
    return examples.take(order[:count]), examples.take(order[count:])


def _ranked(groups: np.ndarray, use: str) -> tuple[np.ndarray, int]:
    """Returns each example's rank of its group, int64 [N], and how many groups there are."""
    names, member = np.unique(groups, return_inverse=True)
    rank = np.argsort(np.argsort(uniform(keys_of(names.tolist()), _USES[use]), kind="stable"))
    return rank[member], len(names)
