"""How the magnitude of an augmentation follows the size of the network. One file each.

A schedule is a function of the share that is still to go, float32 [] from 1 down to 0: of the filters that are to be
pruned, or without pruning of the epochs. It gives the share of the policy's magnitude that counts, from 0 to 1.

Reference: Yu et al., IJCNN 2023 (arXiv 2305.13232): networks of different sizes prefer different magnitudes, small
ones lower ones, so that in pruning by steps varying magnitudes beat a constant one.
"""

from tfqnoise.registry import Registry

registry = Registry("magnitude schedule", __name__)
register, get = registry.register, registry.get
