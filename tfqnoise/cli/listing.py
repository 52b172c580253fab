"""`tfqnoise list`."""

import dataclasses
import importlib

import tyro

from tfqnoise.errors import UsageError, did_you_mean

_FAMILIES = {
    "activation_quantizers": "tfqnoise.compression.quantization.activations",
    "audit": "tfqnoise.audit",
    "augmentation": "tfqnoise.augmentation",
    "benchmark": "tfqnoise.benchmark",
    "criteria": "tfqnoise.compression.pruning.criteria",
    "data": "tfqnoise.data.source",
    "figures": "tfqnoise.report",
    "initialisations": "tfqnoise.compression.clustering.initialisations",
    "losses": "tfqnoise.losses",
    "magnitude_schedules": "tfqnoise.augmentation.schedules",
    "networks": "tfqnoise.networks",
    "noise": "tfqnoise.noise",
    "penalties": "tfqnoise.compression.clustering.penalties",
    "penalty_schedules": "tfqnoise.compression.clustering.schedules",
    "quantizers": "tfqnoise.compression.quantization.weights",
    "strategies": "tfqnoise.strategies",
    "targets": "tfqnoise.export.targets",
}


@dataclasses.dataclass(frozen=True)
class List:
    """List the registered methods, of one family or of all."""

    family: tyro.conf.Positional[str | None] = None
    """The family; all families if not given."""

    def __call__(self) -> None:
        if self.family is not None and self.family not in _FAMILIES:
            raise UsageError(
                f"unknown family '{self.family}'", "a family of methods", did_you_mean(self.family, _FAMILIES)
            )
        for family in [self.family] if self.family else _FAMILIES:
            print(f"{family}:")
            for entry in importlib.import_module(_FAMILIES[family]).registry.entries().values():
                settings = ", ".join(f"{name}={value!r}" for name, value in entry.settings.items())
                print(f"  {entry.name}{f' ({settings})' if settings else ''}: {entry.summary}")
                if entry.reference != "-":
                    print(f"      {entry.reference}")
