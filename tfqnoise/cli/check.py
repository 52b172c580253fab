"""`tfqnoise check`."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import tyro

from tfqnoise.errors import UsageError


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
    compiler: Path | None = None
    """For edgetpu: the directory of Google's edgetpu_compiler (`.` takes the PATH), to show its truth beside this."""
    strict: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """End with exit code 2 unless every operator runs on the target."""

    def __call__(self) -> None:
        from tfqnoise.export.check import check, refuse

        found = check(self.subject, self.target)
        print(json.dumps(found.to_dict(), indent=1) if self.json else found.table())
        if self.compiler is not None:
            print(self._beside(found))
        if self.strict:
            refuse(found)

    def _beside(self, found: Any) -> str:
        from tfqnoise.export.check import beside_compiler

        if self.subject is None or not self.subject.is_file() or self.json or found.target != "edgetpu":
            raise UsageError(
                "--compiler with --json, another target or no .tflite file",
                "a model to compile, as text: check MODEL.tflite --target edgetpu --compiler DIR",
                "leave --compiler out",
            )
        return beside_compiler(self.subject, found, None if self.compiler == Path() else self.compiler)
