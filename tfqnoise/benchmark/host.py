"""Latency of a model on this machine."""

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise import metrics
from tfqnoise.benchmark import cores, register
from tfqnoise.benchmark.timings import lines, operators
from tfqnoise.errors import UsageError, did_you_mean
from tfqnoise.export.child import Child
from tfqnoise.export.graph import load
from tfqnoise.export.interpreter import Interpreter
from tfqnoise.export.storage import unpacked
from tfqnoise.export.subject import Subject, exported
from tfqnoise.run import Run

_REPETITIONS = 1000
_ROUND = 50
# Where other programs keep the cores busy, a call with several threads may take a thousand times as long.
_SECONDS, _ROUND_SECONDS = 20.0, 0.5
_MOST_THREADS = 64
_MOST_PROFILED = 100
_KERNELS = {"xnnpack": "XNNPACK", "builtin": "built-in", "reference": "reference"}


@register(reference="-")
@dataclasses.dataclass(frozen=True)
class Host:
    """LiteRT on this machine: a model, with a run its float form too, and peers, in turn, by kernels and threads.

    A model with packed weights is timed with int8 weights too: LiteRT runs packed convolutions slower.

    Args:
        kernels: "xnnpack", "builtin" or "reference"; the first two, one beside the other, if None.
        threads: of the interpreter; 1, 2 and as many as there are cores if None.
        profile: whether LiteRT is asked for the time of each operator of the model too, in whole microseconds.

    Raises:
        UsageError: for settings that can't be used.
    """

    kernels: str | None = None
    threads: int | None = None
    profile: bool = False

    def __post_init__(self) -> None:
        if self.kernels is not None and self.kernels not in _KERNELS:
            raise UsageError(
                f"--kernels {self.kernels}", "kernels that LiteRT has", did_you_mean(self.kernels, _KERNELS)
            )
        if self.threads is not None and not 1 <= self.threads <= _MOST_THREADS:
            raise UsageError(f"--threads {self.threads}", f"1 to {_MOST_THREADS}", "leave it out for 1 and all cores")

    def __call__(
        self, subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None]
    ) -> dict[str, Any]:
        """Measures, as each benchmark target does.

        Raises:
            RunError: if the run isn't exported.
            ExportError: for a model that LiteRT can't run, or if it is to be profiled and LiteRT doesn't.
        """
        files = _files(subject, peers, report)
        content = next(iter(files.values()))
        as_int8 = unpacked(content)
        models = {**files, **({} if as_int8 == content else {"model, int8 weights": as_int8})}
        self._try(models)
        rows = [row for threads in self._threads for row in self._timed(models, threads, repetitions)]
        report(f"latency of one picture on this host, in microseconds, the models in turn\n{_table(rows)}")
        accuracies = _accuracies(subject.run, files) if peers and subject.run is not None else {}
        for name, accuracy in accuracies.items():
            report(f"test accuracy of {name}: {accuracy:.2%}")
        return {
            "rows": rows,
            "test_accuracy": accuracies,
            "operators": self._profiled(content, repetitions, report) if self.profile else None,
            "sha256": hashlib.sha256(content).hexdigest(),
        }

    def _profiled(
        self, content: bytes, repetitions: int | None, report: Callable[[str], None]
    ) -> list[dict[str, Any]]:
        """Returns the time of each operator, by kernels, with the least number of threads."""
        threads, found = self._threads[0], []
        with Child() as child:
            for kernels in self._kernels:
                most = min(repetitions or _MOST_PROFILED, _MOST_PROFILED)
                table, runs = child.profile("model", content, threads, kernels, most)
                rows = operators(table)
                # Its calls are those of all runs.
                rows = [{"kernel": kernels, "threads": threads, **row, "calls": row["calls"] // runs} for row in rows]
                report(f"by operator, {kernels}, threads {threads}, {runs} runs, whole microseconds\n{lines(rows)}")
                found += rows
        return found

    @property
    def _kernels(self) -> tuple[str, ...]:
        return ("XNNPACK", "built-in") if self.kernels is None else (_KERNELS[self.kernels],)

    @property
    def _threads(self) -> list[int]:
        return sorted({1, min(2, cores()), cores()}) if self.threads is None else [self.threads]

    def _try(self, models: dict[str, bytes]) -> None:
        """Runs each model once where it can't take this process with it, however it was damaged."""
        with Child() as child:
            for threads in self._threads:
                for name, content in models.items():
                    for kernels in self._kernels:
                        child.run(name, content, threads, kernels=kernels)

    def _timed(self, models: dict[str, bytes], threads: int, repetitions: int | None) -> list[dict[str, Any]]:
        """Returns a row for each model and kernel, all timed in turn."""
        interpreters: dict[tuple[str, str], Interpreter] = {}
        for name, content in models.items():
            for kernels in self._kernels:
                interpreter = Interpreter(content, threads, kernels=kernels)
                # What XNNPACK can't prepare has run in the built-in kernels, which need no second row.
                interpreters.setdefault((name, interpreter.kernel), interpreter)
        rows = []
        for (name, kernel), microseconds in _in_turn(interpreters, repetitions).items():
            row = {"model": name, "type": interpreters[name, kernel].input_type, "bytes": len(models[name])}
            p50, p90, p99 = (float(np.percentile(microseconds, q)) for q in (50, 90, 99))
            times = {"p50_us": p50, "p90_us": p90, "p99_us": p99, "samples": len(microseconds)}
            rows.append({**row, "threads": threads, "kernel": kernel, **times})
        return rows


def _files(subject: Subject, peers: Sequence[Path], report: Callable[[str], None]) -> dict[str, bytes]:
    """Returns the models by name, the subject's own first."""
    paths = {"model": subject.model(report=report)}
    if subject.run is not None:
        paths["model_float"] = exported(subject.run, name="model_float")
    return {name: load(path) for name, path in {**paths, **{str(path): path for path in peers}}.items()}


def _in_turn(
    models: dict[tuple[str, str], Interpreter], repetitions: int | None
) -> dict[tuple[str, str], np.ndarray]:
    """Times the models in turn, some calls each, after a warm-up; returns microseconds."""
    for model in models.values():
        model.set_random_input()
        _calls(model, _ROUND)
    count, deadline = repetitions or _REPETITIONS, time.monotonic() + (math.inf if repetitions else _SECONDS)
    samples: dict[tuple[str, str], list[float]] = {name: [] for name in models}
    while any(len(times) < count for times in samples.values()):
        for name, model in models.items():
            samples[name] += _calls(model, min(_ROUND, count - len(samples[name])))
        if time.monotonic() > deadline:
            break
    return {name: np.array(times) for name, times in samples.items()}


def _calls(model: Interpreter, count: int) -> list[float]:
    times: list[float] = []
    while len(times) < count and sum(times) < _ROUND_SECONDS * 1e6:
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
