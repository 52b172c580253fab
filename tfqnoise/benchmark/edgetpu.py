"""Latency of a compiled model on a Coral Edge TPU of this machine."""

import dataclasses
import hashlib
import importlib.metadata
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise.benchmark import register
from tfqnoise.errors import ExportError
from tfqnoise.export import edgetpu_compiler
from tfqnoise.export.child import Child
from tfqnoise.export.graph import graph, load
from tfqnoise.export.subject import Subject

_REPETITIONS = 1000
_COMPILED = "CUSTOM:edgetpu-custom-op"
_HOW = (
    "install Google's runtime (Debian package libedgetpu1-std of its own archive, see coral.ai/docs/accelerator/"
    "get-started), or name your libedgetpu by --library PATH"
)


@register(reference="Coral, Run inference on the Edge TPU with Python (libedgetpu, a delegate of TensorFlow Lite)")
@dataclasses.dataclass(frozen=True)
class Edgetpu:
    """A Coral Edge TPU at this machine, through libedgetpu: a model compiled by edgetpu_compiler.

    A model that isn't compiled yet is compiled first, where the compiler is on the PATH.

    Args:
        library: name or path of libedgetpu.
    """

    library: str = "libedgetpu.so.1"

    def __call__(
        self, subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None]
    ) -> dict[str, Any]:
        """Measures, as each benchmark target does.

        Raises:
            RunError: if the run isn't exported.
            ExportError: if the model isn't compiled, or its run on the device crashes.
            DeviceError: if there is no libedgetpu or no Edge TPU.
        """
        path = subject.model("edgetpu", report)
        content = _compiled(path, report)
        operators = [operator.name for operator in graph(content).operators]
        here = sum(name == _COMPILED for name in operators)
        count = repetitions or _REPETITIONS
        with Child() as child:
            border, times = child.time(str(path), content, (self.library, "Edge TPU", _HOW), count)
        p50, p90, p99 = (float(np.percentile(times, q)) for q in (50, 90, 99))
        row = {"model": "model", "type": border, "bytes": len(content), "threads": 1, "kernel": "edgetpu"}
        row |= {"p50_us": p50, "p90_us": p90, "p99_us": p99, "samples": len(times)}
        left = len(operators) - here
        report(
            f"Edge TPU: {p50:,.1f} µs a picture (median of {len(times)}; p90 {p90:,.1f}, p99 {p99:,.1f})"
            + (
                f"; {left} operators of the model run on the CPU: {', '.join(sorted(set(operators) - {_COMPILED}))}"
                if left
                else ""
            )
        )
        return {
            "rows": [row],
            "on_cpu": [name for name in operators if name != _COMPILED],
            "library": self.library,
            "versions": {"ai-edge-litert": importlib.metadata.version("ai-edge-litert")},
            "sha256": hashlib.sha256(content).hexdigest(),
        }


def _compiled(path: Path, report: Callable[[str], None]) -> bytes:
    """Returns a compiled model: the file, or what the compiler makes of it."""
    content = load(path)
    if any(operator.name == _COMPILED for operator in graph(content).operators):
        return content
    program = edgetpu_compiler.find()
    if program is None:
        named = shlex.quote(str(path))
        raise ExportError(
            f"{path} isn't compiled for the Edge TPU (it has no edgetpu-custom-op)",
            f"a model compiled by {edgetpu_compiler.NAME}, or that compiler on the PATH",
            f"on x86-64 Linux, with Google's compiler (coral.ai/docs/edgetpu/compiler): {edgetpu_compiler.NAME} -s "
            f"{named}; then benchmark its {path.stem}_edgetpu.tflite",
        )
    content, log = edgetpu_compiler.compiled(content)
    if not any(operator.name == _COMPILED for operator in graph(content).operators):
        raise ExportError(
            f"{program} maps no operator of {path} to the Edge TPU",
            "a model of which it maps some",
            f"see why: tfqnoise check {shlex.quote(str(path))} --target edgetpu",
        )
    report(f"compiled by {program} {log.version}: {log.mapped} operators mapped")
    return content
