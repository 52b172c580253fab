"""`tfqnoise check`."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import tyro

from tfqnoise.run import Run


@dataclasses.dataclass(frozen=True)
class Check:
    """Say what a target makes of a model, operator by operator: before its own compiler, and before training."""

    subject: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="MODEL|RUN|RECIPE")] = None
    """A .tflite file; a run directory (its exported model, or its network with fresh weights before there is one); or
    a recipe.json. The newest run if not given."""
    target: str = "generic"
    """The target (`tfqnoise list targets`)."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print JSON: `operators` (index, name, placement, reason, remedy), `problems`, `notes` and `passed`."""
    strict: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """End with exit code 2 unless every operator runs on the target."""

    def __call__(self) -> None:
        from tfqnoise.export.check import check, refuse

        found = check(self.subject or Run.newest().path, self.target)
        print(json.dumps(found.to_dict(), indent=1) if self.json else found.table())
        if self.strict:
            refuse(found)
