"""Splits by id: an example's side depends on its id alone, not on order, seed or what else there is."""

from tfqnoise.data.source import Examples
from tfqnoise.hashing import uniform

_USES = {"test": 301, "validation": 302}


def hold_out(examples: Examples, share: float, use: str) -> tuple[Examples, Examples]:
    """Returns (kept, held out), where each example is held out with probability `share` by its id.

    Args:
        examples: what to split.
        share: in (0, 1).
        use: "test" or "validation"; the two draws are independent.
    """
    held = uniform(examples.keys, _USES[use]) < share
    return examples.take(~held), examples.take(held)
