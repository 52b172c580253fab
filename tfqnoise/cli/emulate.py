"""`tfqnoise emulate`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from tfqnoise.errors import ExportError


@dataclasses.dataclass(frozen=True)
class Emulate:
    """Show that a model answers on ARM64 as it does here, bit by bit, by emulating the processor."""

    subject: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="MODEL|RUN")] = None
    """A .tflite file, or a run directory for its exported model; the newest run if not given."""
    root: Path = Path("arm64")
    """The directory that scripts/arm64_root.sh made."""
    pictures: int = 1000
    """Random pictures to compare on."""

    def __call__(self) -> None:
        from tfqnoise.export.emulate import emulate
        from tfqnoise.export.subject import Subject

        found = emulate(Subject.of(self.subject).model(report=print), self.root, self.pictures)
        print(
            f"{found.outputs - found.differing:,} of {found.outputs:,} outputs for {found.pictures} random pictures "
            f"are the same on {found.machine} (LiteRT {found.litert}) as here ({found.kernel} kernels)"
        )
        if found.differing:
            raise ExportError(
                f"{found.differing:,} outputs differ",
                "none, where the kernels are the same",
                "compare both with the trained network before it is shipped; the report of export names kernels",
            )
