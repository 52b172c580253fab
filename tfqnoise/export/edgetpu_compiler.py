"""Google's Edge TPU compiler, where it is installed: it compiles a model, and its log is read.

It comes from Google's own package archive (Debian package edgetpu-compiler, x86-64) and can't be had elsewhere.
"""

import dataclasses
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from tfqnoise.errors import ExportError, UsageError
from tfqnoise.export.edgetpu_words import MAPPED, STATUSES

NAME = "edgetpu_compiler"
_SECONDS = 300
_STATUS = "|".join(map(re.escape, STATUSES))
_ROW = re.compile(rf"^(?P<name>\S+)\s+(?P<count>\d+)\s+(?P<status>{_STATUS})\s*$")
_SIZE = re.compile(r"^(?P<name>[^:]+): (?P<value>[\d.]+)(?P<unit>B|KiB|MiB|GiB)\s*$")
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


@dataclasses.dataclass(frozen=True)
class Log:
    """What the compiler says.

    Attributes:
        version: of the compiler, "" if it doesn't say.
        counts: how many operators of a name have a status, by (name, status).
        bytes: sizes by their words, such as "On-chip memory used for caching model parameters", in bytes.
    """

    version: str
    counts: dict[tuple[str, str], int]
    bytes: dict[str, int]

    @property
    def mapped(self) -> int:
        """How many operators run on the Edge TPU."""
        return sum(count for (_, status), count in self.counts.items() if status == MAPPED)


def find(directory: Path | None = None) -> str | None:
    """Returns the path of the compiler: in a directory, or on the PATH; None if it isn't there."""
    return shutil.which(NAME, path=str(directory) if directory else None)


def parse(text: str) -> Log:
    """Reads the compiler's output (with its option -s, which prints a row for each operator and status).

    Raises:
        ExportError: if there is no such table in it.
    """
    version = re.search(r"Edge TPU Compiler version (\S+)", text)
    counts, sizes = Counter[tuple[str, str]](), {}
    for line in text.splitlines():
        row, size = _ROW.match(line.strip()), _SIZE.match(line.strip())
        if row:
            counts[row["name"], row["status"]] += int(row["count"])
        elif size:
            sizes[size["name"]] = round(float(size["value"]) * _UNITS[size["unit"]])
    if not counts:
        last = ([line for line in text.splitlines() if line.strip()] or ["no output"])[-1]
        raise ExportError(
            f"{NAME} gave no table of operators; it ended with: {last}",
            "a compiled model, and a row for each kind of operator",
            "see what `tfqnoise check MODEL --target edgetpu` finds in the model",
        )
    return Log(version[1] if version else "", dict(counts), sizes)


def compiled(content: bytes, directory: Path | None = None) -> tuple[bytes, Log]:
    """Compiles a model.

    Args:
        content: the integer model.
        directory: where the compiler lies; None for the PATH.

    Returns:
        The compiled model and the log.

    Raises:
        UsageError: if there is no compiler.
        ExportError: if it fails, hangs or says what isn't understood.
    """
    program = find(directory)
    if program is None:
        raise UsageError(
            f"no {NAME} {'in ' + str(directory) if directory else 'on the PATH'}",
            "the Edge TPU compiler, a program of Google's for x86-64 Linux",
            "install it from Google's archive as coral.ai/docs/edgetpu/compiler says, or leave the compiler out: the "
            "check needs none",
        )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "model.tflite"
        source.write_bytes(content)
        try:
            done = subprocess.run(
                [program, "-s", "-o", folder, str(source)],
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
                errors="replace",
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ExportError(
                f"{program}: {error}", "a model compiled in time", "run it by hand to see why"
            ) from error
        log = parse(done.stdout + done.stderr)
        result = Path(folder) / "model_edgetpu.tflite"
        if done.returncode or not result.is_file():
            raise ExportError(
                f"{program} ended with code {done.returncode} and no model",
                "a compiled model",
                "run it by hand to see why",
            )
        return result.read_bytes(), log
