"""Arm's Vela, the compiler for Ethos-U: where each operator runs and what it takes, estimated without a device."""

import csv
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tfqnoise.errors import ExportError, UsageError
from tfqnoise.export.graph import Graph
from tfqnoise.export.targets import INTEGERS, PACKED, Check, Placement, border_problems, dynamic_problems, placed

HOW = "pip install 'tfqnoise[ethos]'"
_SECONDS = 300
_LEFT = re.compile(r"^Warning \([^)]*\) operator: (?P<name>\S+), ofm: '(?P<output>.*)'$")


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What Vela foretells of a model on one accelerator: estimates of a compiler, not measurements.

    Attributes:
        accelerator: such as "ethos-u55-128".
        system: the system that Vela assumes: clock, kinds of memory and their speeds.
        milliseconds: for one picture.
        cycles: of the accelerator for one picture.
        sram_bytes: that activations take.
        flash_bytes: that weights and commands take.
        layers: a dict for each operation: `name`, `operator`, `target`, `cycles`, `macs`, `sram_bytes`.
        left: reasons by the name of the output, of operators that stay on the CPU.
    """

    accelerator: str
    system: str
    milliseconds: float
    cycles: int
    sram_bytes: int
    flash_bytes: int
    layers: list[dict[str, Any]]
    left: dict[str, str]


def find() -> str | None:
    """Returns Vela's path: beside this Python, or on the PATH; None if it isn't installed."""
    beside = Path(sys.executable).with_name("vela")
    return str(beside) if beside.is_file() and os.access(beside, os.X_OK) else shutil.which("vela")


def estimate(content: bytes, accelerator: str) -> Estimate:
    """Compiles a model with Vela.

    Args:
        content: a model without packed weights, which crash Vela.
        accelerator: such as "ethos-u55-128".

    Raises:
        UsageError: if Vela isn't installed.
        ExportError: if it fails, crashes, hangs or writes what isn't understood.
    """
    program = find()
    if program is None:
        raise UsageError("no vela beside this Python or on the PATH", "Arm's Vela", f"install it: {HOW}")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(content)
        said = _run([program, str(model), "--accelerator-config", accelerator, "--output-dir", folder,
                     "--verbose-performance", "--show-cpu-operations"])  # fmt: skip
        try:
            return _read(Path(folder), accelerator, said)
        except (OSError, KeyError, ValueError, StopIteration) as error:
            raise ExportError(
                f"what Vela wrote isn't understood ({type(error).__name__}: {error})",
                "the summary and the layers of Vela 5.2 as CSV",
                f"install the version that tfqnoise knows: {HOW}",
            ) from error


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportError(
            f"Vela: {error}", f"a compiled model within {_SECONDS} seconds", "run it by hand"
        ) from error
    if done.returncode < 0:
        raise ExportError(
            f"Vela crashed (signal {-done.returncode})",
            "a compiled model",
            "try --storage int8",
        )
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise ExportError(
            f"Vela ended with code {done.returncode}: {(lines or ['no message'])[-1]}",
            "a compiled model",
            "see what `tfqnoise check` says of it for --target generic",
        )
    return done.stdout + done.stderr


def _read(folder: Path, accelerator: str, said: str) -> Estimate:
    with next(folder.glob("*_summary_*.csv")).open(newline="") as file:
        summary = next(csv.DictReader(file))
    with next(folder.glob("*_per-layer.csv")).open(newline="") as file:
        rows = list(csv.DictReader(file))
    kibibytes = {
        kind: float(summary[f"{kind}_memory_used"]) for kind in ("sram", "dram", "on_chip_flash", "off_chip_flash")
    }
    return Estimate(
        accelerator=accelerator,
        system=f"{summary['system_config']}, {summary['memory_mode']}, {float(summary['core_clock']) / 1e6:g} MHz",
        milliseconds=1000 * float(summary["inference_time"]),
        cycles=round(float(summary["inference_time"]) * float(summary["core_clock"])),
        sram_bytes=round(1024 * kibibytes["sram"]),
        flash_bytes=round(1024 * (kibibytes["dram"] + kibibytes["on_chip_flash"] + kibibytes["off_chip_flash"])),
        layers=[
            {
                "name": row["Name"],
                "operator": row["NNG Operator"],
                "target": row["Target"],
                "cycles": round(float(row["Op Cycles"])),
                "macs": round(float(row["MAC Count"])),
                "sram_bytes": round(float(row["Staging Usage"])),
            }
            for row in rows
        ],
        left=_left(said),
    )


def _left(said: str) -> dict[str, str]:
    lines = said.splitlines()
    return {
        match["output"]: lines[number + 1].removeprefix("Reason: ").strip()
        for number, line in enumerate(lines[:-1])
        if (match := _LEFT.match(line.strip()))
    }


def check(graph: Graph, target: str, accelerator: str) -> Check:
    """Returns what Vela makes of a model; without Vela, what the accelerator can't take by its types alone."""
    io = ("int8", "uint8")
    problems = (*border_problems(graph, io), *dynamic_problems(graph))
    by_type = placed(graph, target, (*INTEGERS, "INT16"), INTEGERS)
    packed = any(tensor.type in PACKED for operator in graph.operators for tensor in operator.given)
    if packed or find() is None:
        note = (
            f"by types alone, since Vela isn't installed: {HOW}" if not packed else "Vela crashes on packed weights"
        )
        return Check(target, by_type, problems, (note,))
    found = estimate(graph.content, accelerator)

    def place(operator: Any) -> Placement:
        reason = next((found.left[t.name] for t in operator.outputs if t.name in found.left), "")
        if reason:
            return Placement(
                operator.index,
                operator.name,
                "cpu",
                reason,
                "use a layer that Vela takes (vela --supported-ops-report)",
            )
        return Placement(operator.index, operator.name, target, "NPU")

    notes = (
        f"{found.accelerator} ({found.system}): about {found.milliseconds:.3f} ms, {found.cycles:,} cycles, SRAM "
        f"{found.sram_bytes:,} bytes, flash {found.flash_bytes:,} bytes, as Vela estimates",
    )
    return Check(target, tuple(place(operator) for operator in graph.operators), problems, notes)
