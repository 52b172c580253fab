"""Latency of the exported model on this machine."""

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise import metrics
from tfqnoise.benchmark import cores, register
from tfqnoise.errors import RunError
from tfqnoise.export.child import Child
from tfqnoise.export.graph import load
from tfqnoise.export.interpreter import Interpreter
from tfqnoise.export.storage import unpacked
from tfqnoise.run import Run

_REPETITIONS = 1000
_ROUND = 50


@register(reference="-")
def host(run: Run, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None]) -> dict[str, Any]:
    """LiteRT on this machine: integer model, its float form and peers in turn, one thread and all.

    A model with packed weights is timed with int8 weights too: LiteRT runs packed convolutions slower.
    """
    paths = {name: run.path / "export" / f"{name}.tflite" for name in ("model", "model_float")}
    for path in paths.values():
        if not path.is_file():
            raise RunError(
                f"{path} is missing",
                "an exported run",
                f"export it first: python scripts/export_tflite.py {run.path}",
            )
    files = {name: load(path) for name, path in {**paths, **{str(path): path for path in peers}}.items()}
    content = files["model"]
    as_int8 = unpacked(content)
    models = {**files, **({} if as_int8 == content else {"model, int8 weights": as_int8})}
    _try(models)
    rows = []
    for threads in sorted({1, cores()}):
        interpreters = {name: Interpreter(model, threads) for name, model in models.items()}
        types = {name: interpreter.input_type for name, interpreter in interpreters.items()}
        timed = _time(interpreters, repetitions)
        for name, (kernel, microseconds) in timed.items():
            p50, p90, p99 = (float(np.percentile(microseconds, q)) for q in (50, 90, 99))
            shares = {"p50_us": p50, "p90_us": p90, "p99_us": p99, "samples": len(microseconds)}
            rows.append(
                {
                    "model": name,
                    "type": types[name],
                    "bytes": len(models[name]),
                    "threads": threads,
                    "kernel": kernel,
                    **shares,
                }
            )
    accuracies = _accuracies(run, files) if peers else {}
    report(f"latency of one picture on this host, in microseconds, the models in turn\n{_table(rows)}")
    for name, accuracy in accuracies.items():
        report(f"test accuracy of {name}: {accuracy:.2%}")
    return {"rows": rows, "test_accuracy": accuracies, "sha256": hashlib.sha256(content).hexdigest()}


def _try(models: dict[str, bytes]) -> None:
    """Runs each model once where it can't take this process with it, however it was damaged."""
    with Child() as child:
        for threads in sorted({1, cores()}):
            for name, content in models.items():
                child.run(name, content, threads)


def _time(models: dict[str, Interpreter], repetitions: int | None) -> dict[str, tuple[str, np.ndarray]]:
    """Times the models in turn, some calls each, after a warm-up."""
    for model in models.values():
        model.set_random_input()
        _calls(model, _ROUND)
    count = repetitions or _REPETITIONS
    samples: dict[str, list[float]] = {name: [] for name in models}
    while len(next(iter(samples.values()))) < count:
        for name, model in models.items():
            samples[name] += _calls(model, min(_ROUND, count - len(samples[name])))
    return {name: (model.kernel, np.array(samples[name])) for name, model in models.items()}


def _calls(model: Interpreter, count: int) -> list[float]:
    times = []
    for _ in range(count):
        began = time.perf_counter_ns()
        model.invoke()
        times.append((time.perf_counter_ns() - began) / 1000)
    return times


def _accuracies(run: Run, files: dict[str, bytes]) -> dict[str, float]:
    """Returns the accuracy (or mean F1) of each model whose input fits the run's test pictures, all of them.

    Which range a float peer wants its pixels in, its file doesn't say; so it gets no accuracy.
    """
    from tfqnoise.data import dataset as data

    dataset = data.load(run.recipe)
    test, task = dataset.test, dataset.source.task
    models = {name: Interpreter(content) for name, content in files.items()}
    return {
        name: metrics.headline(task, test.labels, model.real(model(test.images)))
        for name, model in models.items()
        if model.input_shape == test.images.shape[1:] and (model.input_type != "float32" or name == "model_float")
    }


def _table(rows: list[dict[str, Any]]) -> str:
    width = max(len(row["model"]) for row in rows)
    lines = [f"{'model':<{width}}  input    {'bytes':>9}  threads  kernel                    p50      p90      p99"]
    for row in rows:
        times = "  ".join(f"{row[name]:7.1f}" for name in ("p50_us", "p90_us", "p99_us"))
        name = f"{row['model']:<{width}}  {row['type']:<7}"
        lines.append(f"{name}  {row['bytes']:>9,}  {row['threads']:>7}  {row['kernel']:<20}  {times}")
    return "\n".join(lines)
