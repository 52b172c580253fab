"""`tfqnoise predict`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro


@dataclasses.dataclass(frozen=True)
class Predict:
    """Let an exported model say what is in a folder of pictures, and write that as a table."""

    subject: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL|RUN")]
    """A .tflite file that tfqnoise exported, or a run directory for its exported model."""
    pictures: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """PNG and JPEG pictures, also in folders within; they need no labels."""
    into: Path = Path("predictions.csv")
    """The table: path (from where the table lies), label, probability; of several labels each has a column."""
    skip_unreadable: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Leave out unreadable pictures, whose names are printed, instead of ending."""

    def __call__(self) -> None:
        from tfqnoise.export.predict import predict, taken, write

        if self.into.exists():
            raise taken(self.into)
        found = predict(self.subject, self.pictures, skip_unreadable=self.skip_unreadable)
        write(found, self.pictures, self.into)
        print(f"{found}\n{self.into}")
