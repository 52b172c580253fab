"""How the weight of a penalty goes through its stage. One file each.

A schedule is a function of the share t of the stage that is over, float32 [] from 0 to 1, to the share of the weight
that counts, which never falls and ends at 1.
"""

from tfqnoise.registry import Registry

registry = Registry("penalty schedule", __name__)
register, get = registry.register, registry.get
