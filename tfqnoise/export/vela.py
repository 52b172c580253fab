"""Arm's Vela, the compiler for Ethos-U: where each operator runs and what it takes, estimated without a device."""

import csv
import dataclasses
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from tfqnoise.errors import ExportError, UsageError
from tfqnoise.export.compiled import compiled_for
from tfqnoise.export.graph import ETHOS_U, Graph, Operator
from tfqnoise.export.inspect import operator_name, read
from tfqnoise.export.targets import INTEGERS, PACKED, Check, Placement, Target, placed, placed_already, whole_problems

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
        sram_bytes: of the fast memory: the activations, or what is kept of them beside DRAM.
        dram_bytes: of DRAM, where the assumed system has some: weights, commands and activations.
        flash_bytes: that weights and commands take where there is no DRAM.
        layers: a dict for each operation: `name`, `operator`, `target`, `cycles`, `macs`, `sram_bytes`.
        left: reasons by the name of the output, of operators that stay on the CPU, as the compiled file shows.
    """

    accelerator: str
    system: str
    milliseconds: float
    cycles: int
    sram_bytes: int
    dram_bytes: int
    flash_bytes: int
    layers: list[dict[str, Any]]
    left: dict[str, str]

    @property
    def line(self) -> str:
        """Its figures in words."""
        kinds = (("SRAM", self.sram_bytes), ("DRAM", self.dram_bytes), ("flash", self.flash_bytes))
        memory = ", ".join(f"{kind} {taken:,} bytes" for kind, taken in kinds if taken)
        return f"{self.milliseconds:.3f} ms, {self.cycles:,} cycles, {memory}"


def find() -> str | None:
    """Returns Vela's path: beside this Python, or on the PATH; None if it isn't installed."""
    beside = Path(sys.executable).with_name("vela")
    return str(beside) if beside.is_file() and os.access(beside, os.X_OK) else shutil.which("vela")


def packed(model: Graph) -> bool:
    """Returns whether a model has packed weights, on which Vela 5.2 crashes."""
    return any(tensor.type in PACKED for operator in model.operators for tensor in operator.given)


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
        # Without --show-cpu-operations: Vela 5.2 fails in listing what it made of an ARG_MAX.
        said = _run([program, str(model), "--accelerator-config", accelerator, "--output-dir", folder,
                     "--verbose-performance"], folder)  # fmt: skip
        try:
            return _read(Path(folder), accelerator, said)
        except (OSError, LookupError, ValueError, StopIteration, csv.Error, ExportError) as error:
            raise ExportError(
                f"what Vela wrote isn't understood ({type(error).__name__}: {str(error).partition(chr(10))[0]})",
                "a compiled model, and its summary and layers as CSV, as Vela 5.2 writes them",
                f"install the version that tfqnoise knows: {HOW}",
            ) from error


def _run(command: list[str], folder: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False, cwd=folder
        )
    except subprocess.TimeoutExpired as error:
        raise ExportError(
            f"Vela was stopped after {_SECONDS} seconds", "a compiled model by then", "run it by hand"
        ) from error
    except OSError as error:
        raise ExportError(f"{command[0]}: {error.strerror}", "Vela", f"install it again: {HOW}") from error
    if done.returncode < 0:
        raise ExportError(
            f"Vela crashed (signal {-done.returncode})",
            "a compiled model",
            "try --storage int8",
        )
    if done.returncode:
        # What went wrong is at the end of stderr; stdout ends in tables.
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
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
    taken = {
        kind: round(1024 * _number(summary, f"{kind}_memory_used"))
        for kind in ("sram", "dram", "on_chip_flash", "off_chip_flash")
    }
    seconds, clock = _number(summary, "inference_time"), _number(summary, "core_clock")
    return Estimate(
        accelerator=accelerator,
        system=f"{summary['system_config']}, {summary['memory_mode']}, {clock / 1e6:g} MHz",
        milliseconds=1000 * seconds,
        cycles=round(seconds * clock),
        sram_bytes=taken["sram"],
        dram_bytes=taken["dram"],
        flash_bytes=taken["on_chip_flash"] + taken["off_chip_flash"],
        layers=[
            {
                "name": row["Name"],
                "operator": row["NNG Operator"],
                "target": row["Target"],
                "cycles": round(_number(row, "Op Cycles")),
                "macs": round(_number(row, "MAC Count")),
                "sram_bytes": round(_number(row, "Staging Usage")),
            }
            for row in rows
        ],
        left=_left((folder / "model_vela.tflite").read_bytes(), said),
    )


def _number(row: dict[str, str], column: str) -> float:
    # A row that is too short has None.
    value = float(row[column] or "nan")
    if not 0 <= value < math.inf:
        raise ValueError(f"{column} = {row[column]}")
    return value


def _left(compiled: bytes, said: str) -> dict[str, str]:
    """Returns why operators stay on the CPU: which do, the file shows; why, only what Vela prints."""
    lines = said.splitlines()
    reasons = {
        match["output"]: lines[number + 1].removeprefix("Reason: ").strip()
        for number, line in enumerate(lines[:-1])
        if (match := _LEFT.match(line.strip()))
    }
    return {name: reasons.get(name, "left by Vela, which gives no reason") for name in _made_on_cpu(compiled)}


def _made_on_cpu(compiled: bytes) -> list[str]:
    # Not as a `Graph`: no operator computes the tensors that Vela adds for the accelerator to work in.
    model = read(compiled)
    codes, part = model.operatorCodes, model.subgraphs[0]
    alone = [
        operator
        for operator in ([] if part.operators is None else part.operators)
        if operator_name(model, operator) != "CUSTOM" or codes[operator.opcodeIndex].customCode != b"ethos-u"
    ]
    made = [index for operator in alone if operator.outputs is not None for index in operator.outputs]
    return [bytes(part.tensors[index].name or b"").decode(errors="replace") for index in made]


def check(model: Graph, target: str, accelerator: str) -> Check:
    """Returns what Vela makes of a model; without Vela, what the accelerator can't take by its types alone."""
    problems = whole_problems(model, ("int8", "uint8"))
    already = placed_already(model, target, ETHOS_U)
    if already:
        had = compiled_for(model)
        other = () if had in ("", accelerator) else (f"it is compiled for {had}, not {accelerator}; compile it anew",)
        return Check(target, already, (*problems, *other))
    by_type = placed(model, target, (*INTEGERS, "INT16"), INTEGERS)
    if packed(model):
        return Check(target, by_type, problems, ("Vela crashes on packed weights, so it isn't asked",))
    if find() is None:
        # What the accelerator doesn't take runs beside it.
        on_cpu = (
            dataclasses.replace(found, placement="cpu") if found.placement == "refused" else found
            for found in by_type
        )
        return Check(target, tuple(on_cpu), problems, (f"by types alone, since Vela isn't installed: {HOW}",))
    found = estimate(model.content, accelerator)
    notes = (f"{found.accelerator} ({found.system}): about {found.line}, as Vela estimates",)
    return Check(
        target, tuple(_placement(operator, target, found.left) for operator in model.operators), problems, notes
    )


def _placement(operator: Operator, target: str, left: dict[str, str]) -> Placement:
    reason = next((left[tensor.name] for tensor in operator.outputs if tensor.name in left), "")
    if not reason:
        return Placement(operator.index, operator.name, target, "NPU")
    remedy = "use a layer that Vela takes (vela --supported-ops-report)"
    return Placement(operator.index, operator.name, "cpu", reason, remedy)


class EthosU(Target):
    """What the accelerators have in common; each is a frozen dataclass with its own `macs`.

    Attributes:
        name: of the target.
        choices: configurations that there are, in 8-bit multiply-accumulates a cycle.
        macs: the one that is meant.
    """

    io = ("int8", "uint8")
    storage = "int8"
    name: ClassVar[str]
    choices: ClassVar[tuple[int, ...]]
    macs: int

    def __post_init__(self) -> None:
        if self.macs not in self.choices:
            raise UsageError(
                f"{self.name} with macs = {self.macs}",
                f"one of {self.choices}",
                f"leave it out for {type(self).macs}",
            )

    @property
    def accelerator(self) -> str:
        """The configuration in Vela's words."""
        return f"{self.name.replace('_', '-')}-{self.macs}"

    def check(self, graph: Graph) -> Check:
        return check(graph, self.name, self.accelerator)
