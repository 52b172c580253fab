"""How the magnitude of an augmentation follows the size of the network. One file each.

A schedule is a function of the share that is still to go, float32 [] from 1 down to 0: of the filters that are to be
pruned, or without pruning of the epochs. It gives the share of the policy's magnitude that counts, from 0 to 1. One
that learns has `after(rows)`, which gives that share for the next epoch from the records of those before; batches
are then made epoch by epoch, so that it doesn't matter how far ahead of training they are made.

Reference: Yu et al., IJCNN 2023 (arXiv 2305.13232): networks of different sizes prefer different magnitudes, small
ones lower ones, so that in pruning by steps varying magnitudes beat a constant one.
"""

from tfqnoise.errors import UsageError
from tfqnoise.registry import Registry

registry = Registry("magnitude schedule", __name__)
register, get = registry.register, registry.get


def check_least(name: str, least: float) -> None:
    """Refuses a least share of the magnitude that is none.

    Raises:
        UsageError: if it isn't from 0 to 1.
    """
    if not 0 <= least <= 1:
        raise UsageError(f"{name} with least = {least}", "a share from 0 to 1", "use 0 or 0.25")
