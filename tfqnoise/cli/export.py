"""`tfqnoise export`."""

import dataclasses
from pathlib import Path
from typing import Any

import tyro

from tfqnoise.run import Run


@dataclasses.dataclass(frozen=True)
class Export:
    """Export a run as a fully-integer TFLite model and prove that it answers like the trained network."""

    run: tyro.conf.Positional[Path | None] = None
    """The run directory; the newest run if not given."""
    target: str = "generic"
    """What the model is to run on (`tfqnoise list targets`): a model that breaks a rule of it is refused."""
    io: str | None = None
    """Type of input and output: `int8` (pixel - 128) or `uint8` (the pixel itself); the target's own if not given."""
    storage: str | None = None
    """Type of the weights: `narrowest` (INT2 or INT4 where they fit and LiteRT executes it), `int4` or `int8`; the
    target's own if not given. The values are the same; convolutions run faster in int8."""
    examples: int | None = None
    """Test pictures to compare on; all of them if not given."""
    calibrate: int | None = None
    """Quantise a run trained in float (--bits 32), measuring its ranges on so many training pictures, such as 512."""
    licence: str = ""
    """Licence of the model, for its metadata, such as "CC BY 4.0"."""
    bits: int = 8
    """Bits of its weights, with --calibrate."""
    quantizer: str = "uniform"
    """Quantizer of its weights, with --calibrate (`tfqnoise list quantizers`)."""

    def __call__(self) -> None:
        from tfqnoise.export import export

        export(
            Run.open_or_newest(self.run),
            target=self.target,
            io=self.io,
            storage=self.storage,
            examples=self.examples,
            calibration=self._calibration(),
            licence=self.licence,
        )

    def _calibration(self) -> Any:
        if self.calibrate is None:
            return None
        from tfqnoise.export.calibrate import Calibration

        return Calibration(self.calibrate, self.bits, self.quantizer)
