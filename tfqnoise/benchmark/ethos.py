"""What the benchmarks of the Ethos-U accelerators have in common."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tfqnoise.errors import ExportError, RunError
from tfqnoise.export import vela
from tfqnoise.export.graph import graph
from tfqnoise.export.targets import PACKED
from tfqnoise.run import Run


def estimated(run: Run, accelerator: str, report: Callable[[str], None]) -> dict[str, Any]:
    """Returns Vela's estimate of a run's exported model, with a row for each operation.

    Args:
        run: an exported run.
        accelerator: such as "ethos-u55-128".
        report: takes the figures.

    Raises:
        RunError: if the run isn't exported.
        ExportError: if its weights are packed, or Vela fails.
        UsageError: if Vela isn't installed.
    """
    path = run.path / "export" / "model.tflite"
    if not path.is_file():
        raise RunError(
            f"{path} is missing",
            "an exported run",
            f"export it first: python scripts/export_tflite.py {run.path} --target {accelerator.rpartition('-')[0]}",
        )
    content = path.read_bytes()
    operators = graph(content).operators
    if any(tensor.type in PACKED for operator in operators for tensor in operator.given):
        raise ExportError(
            f"{path} has packed weights, on which Vela crashes", "int8 weights", "export with --storage int8"
        )
    found = vela.estimate(content, accelerator)
    lines = [f"{row['cycles']:>9,} cycles  {row['macs']:>11,} MACs  {row['operator']}" for row in found.layers]
    report(
        "\n".join(lines) + f"\n{found.accelerator} ({found.system}), estimated by Vela, not measured: "
        f"{found.milliseconds:.3f} ms, {found.cycles:,} cycles, SRAM {found.sram_bytes:,} bytes, flash "
        f"{found.flash_bytes:,} bytes, {len(operators) - len(found.left)} of {len(operators)} operators on it"
    )
    return {"estimate": True, **dataclasses.asdict(found)}
