"""Is a model the same on ARM64? Answered without a device, by emulating the processor."""

import dataclasses
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from tfqnoise.errors import ExportError, UsageError
from tfqnoise.export.child import Child
from tfqnoise.export.graph import load
from tfqnoise.export.interpreter import Interpreter

_EMULATOR = "qemu-aarch64-static"
# Of this processor qemu computes dot products right; of its catch-all "max" it doesn't (version 7.2).
_PROCESSOR = "cortex-a76"
_PROGRAM = Path(__file__).with_name("emulated.py")
_SECONDS = 600


@dataclasses.dataclass(frozen=True)
class Emulation:
    """How a model answers on ARM64, beside this machine.

    Attributes:
        machine: what the emulated system calls itself.
        litert: its version of LiteRT.
        kernel: of this machine's interpreter.
        outputs: values compared.
        differing: how many of them differ.
        pictures: random ones that were shown to both.
    """

    machine: str
    litert: str
    kernel: str
    outputs: int
    differing: int
    pictures: int


def emulate(model: Path, root: Path, pictures: int = 1000, seed: int = 0) -> Emulation:
    """Runs a model on random pictures here and on an emulated ARM64 processor, and compares every output.

    Args:
        model: a .tflite file with an integer input.
        root: a directory that `scripts/arm64_root.sh` made.
        pictures: how many.
        seed: of the pictures.

    Raises:
        UsageError: if the emulator or the root is missing, or for a number out of its limits.
        ExportError: if the model can't be run, here or there.
    """
    emulator, python = shutil.which(_EMULATOR), root / "usr/bin/python3.11"
    if emulator is None or not python.is_file():
        raise UsageError(
            f"no {_EMULATOR} on the PATH" if emulator is None else f"{root} without an ARM64 Python",
            "an emulator and a directory with Python and LiteRT for ARM64",
            "apt-get install qemu-user-static debootstrap; sh scripts/arm64_root.sh DIRECTORY; then --root DIRECTORY",
        )
    if pictures < 1:
        raise UsageError(f"--pictures {pictures}", "at least 1", "leave it out for 1000")
    content = load(model)
    with Child() as child:
        child.run(str(model), content)
    interpreter = Interpreter(content)
    if interpreter.input_type not in ("int8", "uint8"):
        raise ExportError(f"{model} takes {interpreter.input_type}", "an integer model", "export one of --bits 8")
    images = np.random.default_rng(seed).integers(0, 256, (pictures, *interpreter.input_shape), np.uint8)
    here = interpreter(images)
    with tempfile.TemporaryDirectory() as folder:
        inputs, outputs = Path(folder) / "inputs.npy", Path(folder) / "outputs.npy"
        np.save(inputs, interpreter.prepare(images))
        program = [
            str(python),
            "-IS",
            str(_PROGRAM),
            str(root / "site"),
            str(model.resolve()),
            str(inputs),
            str(outputs),
        ]
        said = _run([emulator, "-cpu", _PROCESSOR, "-L", str(root), *program])
        there = np.load(outputs, allow_pickle=False)
    machine, litert = said.split()[-2:]
    differing = int(np.count_nonzero(there != here))
    return Emulation(machine, litert, interpreter.kernel, here.size, differing, pictures)


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ExportError(
            f"the emulated model was not ready after {_SECONDS} seconds",
            "about 20 milliseconds a picture for a small network",
            "use fewer --pictures",
        ) from error
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise ExportError(
            f"the emulated Python ended with code {done.returncode}: {last}",
            "a model that LiteRT runs on ARM64",
            "make the directory anew by scripts/arm64_root.sh, and try --pictures 1",
        )
    return done.stdout
