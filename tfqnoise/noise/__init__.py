"""How labels become wrong. One file per kind; NumPy only.

A kind is a frozen dataclass with a `rate` and

    transition(classes) -> float64 [classes, classes], row = true label, column = given label.

`tfqnoise.noise.transition` draws from any such matrix, as a pure function of (seed, id, label).
"""

from tfqnoise.registry import Registry

registry = Registry("noise kind", __name__)
register, get = registry.register, registry.get
