"""Changes to training pictures. One file per policy.

A policy is a frozen dataclass that is called in the graph with a uint8 batch [B, H, W, C], the uint64 keys
of its examples [B], a seed and the epoch, and returns a uint8 batch. It is a pure function of them, so a
picture looks the same in any order, on any worker and after any restart.
"""

from tfqnoise.registry import Registry

registry = Registry("augmentation", __name__)
register, get = registry.register, registry.get
