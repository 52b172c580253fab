"""`tfqnoise benchmark`."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import tyro

# Flags that are settings of the target.
_SETTINGS = (
    "kernels",
    "serial",
    "benchmark_model",
    "threads",
    "taskset",
    "delegate",
    "profile",
    "adb",
    "timeout",
    "library",
)


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """Time a run's exported model, or any model; or a run's training pipeline or training step."""

    subject: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="RUN|MODEL")] = None
    """The run directory, which keeps the result in benchmark/TARGET.json; or a .tflite file. The newest run if not
    given."""
    target: str = "host"
    """What to time: `host` (the model on this machine), `android` (on a device through adb), `edgetpu` (a Coral Edge
    TPU on this machine), `browser` (LiteRT.js in headless Chromium), `ethos_u55`, `ethos_u65` or `ethos_u85`
    (estimated by Arm's Vela), `pipeline`, `step`, `penalty` or `strategies`; as JSON text with settings: '{"name":
    "ethos_u55", "macs": 256}'. The flags below are settings too and win; a target that lacks one refuses it
    (`tfqnoise list benchmark`)."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print the result as JSON; what else is said goes to the error output."""
    peer: tuple[Path, ...] = ()
    """Other .tflite models to time beside it, on the host."""
    repetitions: int | None = None
    """How often each is timed (on a device at least so often). The target's own number if not given; on the host and
    the Edge TPU 1000, or as many as 20 seconds allow."""
    kernels: str | None = None
    """On the host: `xnnpack`, `builtin` or `reference`; the first two, one beside the other, if not given."""
    serial: str | None = None
    """The device, as `adb devices` lists it; needed where there are several."""
    benchmark_model: str | None = None
    """Your copy of Google's benchmark_model for the device: a nightly prebuilt command-line binary for Android, to
    which LiteRT's documentation links under "Performance measurement"."""
    threads: int | None = None
    """Threads, on a device (1) or on the host (1, 2 and as many as it has cores)."""
    taskset: str | None = None
    """Cores to use, as a mask in hexadecimal: `f0` is cores 4 to 7, the big ones of many phones."""
    delegate: str | None = None
    """What computes: `cpu` (built-in kernels), `xnnpack` (the default), `gpu` or `nnapi`."""
    profile: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Time each operator too, on a device or on the host."""
    adb: str | None = None
    """Name or path of adb, if it isn't on the PATH."""
    timeout: float | None = None
    """Seconds that a single command on the device may take (300)."""
    library: str | None = None
    """For edgetpu: name or path of libedgetpu, if it isn't where the system looks for it."""

    def __call__(self) -> None:
        from tfqnoise.benchmark import benchmark

        given = {name: getattr(self, name) for name in _SETTINGS}
        found = benchmark(
            self.subject,
            self.target,
            peers=self.peer,
            repetitions=self.repetitions,
            settings={name: value for name, value in given.items() if value is not None and value is not False},
            report=_aside if self.json else print,
        )
        if self.json:
            print(json.dumps(found, indent=1))


def _aside(text: str) -> None:
    print(text, file=sys.stderr)
