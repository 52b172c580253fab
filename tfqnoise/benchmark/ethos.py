"""What the benchmarks of the Ethos-U accelerators have in common."""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

from tfqnoise.errors import ExportError, UsageError
from tfqnoise.export import vela
from tfqnoise.export.compiled import already
from tfqnoise.export.graph import graph, load
from tfqnoise.export.subject import Subject


def estimated(
    subject: Subject, accelerator: str, report: Callable[[str], None], repetitions: int | None = None
) -> dict[str, Any]:
    """Returns Vela's estimate of a model, with a row for each operation.

    Args:
        subject: an exported run, or a model.
        accelerator: such as "ethos-u55-128".
        report: takes the figures.
        repetitions: None; an estimate is made once.

    Raises:
        RunError: if the run isn't exported.
        ExportError: if its weights are packed, or Vela fails.
        UsageError: if Vela isn't installed, or for a number of repetitions.
    """
    if repetitions is not None:
        raise UsageError(
            f"--repetitions {repetitions} with an estimate, which is the same each time",
            "no --repetitions",
            "leave it out",
        )
    target = accelerator.rpartition("-")[0].replace("-", "_")
    path = subject.model(target, report)
    content = load(path)
    model = graph(content)
    words = already(model)
    if words:
        raise ExportError(
            f"{path} is {words}",
            "a model as it is exported, which Vela compiles for its estimate",
            f"take the model from before that, or export with --target {target}",
        )
    if vela.packed(model):
        raise ExportError(
            f"{path} has packed weights, on which Vela crashes", "int8 weights", f"export with --target {target}"
        )
    found = vela.estimate(content, accelerator)
    lines = [f"{row['cycles']:>9,} cycles  {row['macs']:>11,} MACs  {row['operator']}" for row in found.layers]
    left = sum(any(tensor.name in found.left for tensor in operator.outputs) for operator in model.operators)
    report(
        "\n".join(lines) + f"\n{found.accelerator} ({found.system}), estimated by Vela, not measured: "
        f"{found.line}, {len(model.operators) - left} of {len(model.operators)} operators on it"
    )
    return {
        "estimate": True,
        **dataclasses.asdict(found),
        "sha256": hashlib.sha256(content).hexdigest(),
        # Not the machine that Vela ran on, whose speed has no part in this.
        "machine": {"processor": found.accelerator, "system": found.system},
    }
