"""tfqnoise: small integer image models from labels that can't be trusted.

Public names are loaded when first used (PEP 562), so `import tfqnoise` costs no TensorFlow.
"""

import importlib
from typing import Any

from tfqnoise import backend as backend  # chooses legacy Keras before anything can load TensorFlow

__version__ = "0.1.0"

_PUBLIC = {
    "Recipe": "tfqnoise.recipe",
    "Run": "tfqnoise.run",
    "TfqnoiseError": "tfqnoise.errors",
    "audit": "tfqnoise.audit",
    "benchmark": "tfqnoise.benchmark",
    "export": "tfqnoise.export",
    "losses": "tfqnoise.losses",
    "networks": "tfqnoise.networks",
    "noise": "tfqnoise.noise",
    "strategies": "tfqnoise.strategies",
    "train": "tfqnoise.training.train",
}
_SUBPACKAGES = ("audit", "benchmark", "export", "losses", "networks", "noise", "strategies")

__all__ = ["__version__", "backend", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tfqnoise' has no attribute {name!r}")
    module = importlib.import_module(_PUBLIC[name])
    return module if name in _SUBPACKAGES else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
