"""Benchmarks: one protocol, one file per target.

A target is a function (subject, peers, repetitions, report) -> dict, or a frozen dataclass of settings that is called
so. What it returns is written to `benchmark/<target>.json` in the run, if the subject is one. Whatever is compared is
timed in turn in one process, because machines drift; compare the ratios, not figures of different days.
"""

import dataclasses
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfqnoise.errors import UsageError
from tfqnoise.export.subject import Subject
from tfqnoise.limits import OF_CLUSTERS, OF_PRUNING
from tfqnoise.recipe import Recipe
from tfqnoise.registry import Registry
from tfqnoise.run import Run

registry = Registry("benchmark target", __name__)
register, get = registry.register, registry.get


def benchmark(
    subject: Subject | Run | Path | None,
    target: str | Mapping[str, Any] = "host",
    *,
    peers: Sequence[Path] = (),
    repetitions: int | None = None,
    settings: Mapping[str, Any] | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Times a run or a model on a target, and writes `benchmark/<target>.json` into the run.

    Args:
        subject: a run or its directory, or a .tflite file, of which nothing is written; the newest run if None.
        target: a registered target: its name, or a dict or JSON text with settings.
        peers: other .tflite models to time beside the run's own, where the target takes some.
        repetitions: how often each is timed; the target's own number if None.
        settings: of the target, beside those in `target`; they win.
        report: takes each message.

    Raises:
        UsageError: for an unknown target or setting, or arguments out of their limits.
        RunError: if the run lacks what is timed, or can't be written.
        DeviceError: if it is timed on a device that can't be reached or fails.
    """
    spec = {**registry.parse(target), **(settings or {})}
    entry, method = registry.entry(spec["name"]), registry.get(spec)
    if repetitions is not None and repetitions < 1:
        raise UsageError(f"--repetitions {repetitions}", "at least 1", "leave it out for the target's own number")
    if peers and entry.name != "host":
        raise UsageError(
            f"--peer with --target {entry.name}", "--target host", "time other models with --target host"
        )
    found = Subject.of(subject)
    if found.run is not None:
        found.run.check_writable("benchmark")
    return keep(found.run, entry.name, method(found, peers, repetitions, report))


def keep(run: Run | None, target: str, result: dict[str, Any]) -> dict[str, Any]:
    """Writes `benchmark/<target>.json` and returns its content.

    Args:
        run: where it is written; None for nowhere.
        target: the target's name.
        result: what was measured; with the `machine`, if that wasn't this one.
    """
    content = {
        "target": target,
        **result,
        "machine": result.get("machine") or machine(),
        "measured": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    if run is not None:
        run.write_json(f"benchmark/{target}.json", content)
    return content


def uncompressed(recipe: Recipe) -> Recipe:
    """Returns the recipe of the plain float network, to compare with."""
    usual = Recipe()
    weights = ("quantizer", "edge_bits", "sparsity", "clusters", "codebooks", "penalty_weights", *OF_CLUSTERS)
    filters = ("pruning_ratio", "pruning_ratios", *OF_PRUNING)
    names = (*weights, *filters, "activation_bits", "activation_quantizer", "stages")
    return dataclasses.replace(recipe, bits=32, float_epochs=0, **{name: getattr(usual, name) for name in names})


def machine() -> dict[str, Any]:
    """Returns what a figure needs to be read: processor, cores in use, system."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [row.split(":", 1)[1].strip() for row in cpuinfo.read_text().splitlines() if "model name" in row]
        model = names[0] if names else model
    return {"processor": model, "cores": cores(), "system": platform.platform()}


def cores() -> int:
    """Returns how many processors this process may use."""
    return len(os.sched_getaffinity(0))
