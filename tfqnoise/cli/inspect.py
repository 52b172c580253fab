"""`tfqnoise inspect`."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import tyro


@dataclasses.dataclass(frozen=True)
class Inspect:
    """Show what a model holds: operators, types, shapes, options, borders, bytes; no file makes it crash."""

    subject: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="MODEL|RUN")] = None
    """A .tflite file, or a run directory for its exported model; the newest run if not given."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print JSON: `operators` (index, name, version, inputs, outputs, weights, options), `inputs`, `outputs`,
    `borders`, `float_tensors`, `compiled` (for what accelerator already, in words), `outdated` (that a run has been
    trained further than its model, in words), `bytes` and `sha256`."""

    def __call__(self) -> None:
        from tfqnoise.export.overview import overview_of

        found = overview_of(self.subject)
        print(json.dumps(found.to_dict(), indent=1) if self.json else found.table())
