"""What the penalties cost in time and memory."""

import concurrent.futures
import contextlib
import ctypes
import multiprocessing
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise import assembly
from tfqnoise.backend import tf
from tfqnoise.benchmark import register, uncompressed
from tfqnoise.compression.clustering import penalties
from tfqnoise.compression.clustering.codebook import Codebook
from tfqnoise.compression.forms import Form
from tfqnoise.data import dataset as data
from tfqnoise.export.subject import Subject
from tfqnoise.recipe import Recipe

_REPETITIONS = 10
_CLUSTERS = 16


@register(reference="-")
def penalty(
    subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None]
) -> dict[str, Any]:
    """Value and gradients of each penalty on all kernels of the recipe's network: time, and memory on top.

    Each has a process of its own, so that none is served from memory that another has given back.
    """
    recipe = subject.whole_run("--target penalty").recipe
    dataset = data.load(recipe)
    rows: list[dict[str, Any]] = []
    for name in penalties.registry.entries():
        # Started afresh: a copy of this process would bring its memory along.
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as process:
            measured = process.submit(
                _measured, name, recipe, dataset.input_shape, dataset.classes, repetitions or _REPETITIONS
            ).result()
        if not rows:
            report(
                f"penalty of {recipe.network}: {measured['weights']:,} weights in {measured['kernels']} kernels, "
                f"{measured['clusters']} clusters"
            )
        rows.append(measured)
        report(f"{name:<18} {measured['median_ms']:8.1f} ms  {measured['extra_megabytes']:7.1f} MB on top")
    return {"network": recipe.network, "rows": rows}


def _measured(
    name: str, recipe: Recipe, input_shape: tuple[int, int, int], classes: int, repetitions: int
) -> dict[str, Any]:
    """Returns what a penalty costs in this process."""
    kernels = Form(assembly.build(uncompressed(recipe), input_shape, classes)).kernels()
    clusters = recipe.clusters or _CLUSTERS
    kernels = {layer: kernel for layer, kernel in kernels.items() if np.prod(kernel.shape) > clusters}
    step = _step(name, clusters, recipe.seed, kernels)
    _forget_peak()
    before = _memory("VmRSS")
    step()
    times = []
    for _ in range(repetitions):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return {
        "penalty": name,
        "weights": sum(int(np.prod(kernel.shape)) for kernel in kernels.values()),
        "kernels": len(kernels),
        "clusters": clusters,
        "median_ms": float(np.median(times) * 1e3),
        "extra_megabytes": max(0, _memory("VmHWM") - before) / 1e6,
    }


def _step(name: str, clusters: int, seed: int, kernels: dict[str, Any]) -> Callable[[], None]:
    """Returns a function that takes the gradients of a penalty and does with them what an optimizer would."""
    books = {layer: Codebook(layer, clusters, "free", name) for layer in kernels}
    for layer, book in books.items():
        book.start(kernels[layer], "linear", seed)
    variables = [*kernels.values(), *(v for book in books.values() for v in book.trainable_weights)]

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            total = tf.add_n([books[layer](kernel) for layer, kernel in kernels.items()])
        for variable, gradient in zip(variables, tape.gradient(total, variables), strict=True):
            variable.assign_sub(1e-6 * gradient)

    return step


def _forget_peak() -> None:
    """Gives freed memory back, and makes the system measure the peak of this process's memory anew."""
    with contextlib.suppress(AttributeError):  # Only glibc has it.
        ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def _memory(field: str) -> int:
    """Returns a field of the process's status in bytes: VmRSS, the memory held, or VmHWM, its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))
