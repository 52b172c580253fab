"""What quantization-aware training costs: its step against the float step."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise import assembly
from tfqnoise.backend import tf
from tfqnoise.benchmark import register, uncompressed
from tfqnoise.compression.quantization.qat import quantize_stock
from tfqnoise.data import dataset as data
from tfqnoise.data import pipeline
from tfqnoise.export.subject import Subject
from tfqnoise.training import precision
from tfqnoise.training.engine import compiled

_REPETITIONS = 30
_WARM_UP = 3
_STOCK = "stock TF-MOT"


@register(reference="-")
def step(
    subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None]
) -> dict[str, Any]:
    """One training step of the recipe's network: float, compressed in several ways, and stock TF-MOT, in turn.

    Where the processor has bfloat16 arithmetic, float and 8 bits are timed with it too, beside the others.
    """
    recipe = subject.whole_run("--target step").recipe
    dataset = data.load(recipe)
    batch = next(iter(pipeline.batches(recipe, dataset)))
    plain = uncompressed(recipe)
    quantised = dataclasses.replace(plain, bits=8)
    # Stages of which the first, whose step is timed, has the penalty.
    stages: dict[str, Any] = {"stages": "quantise+cluster:1,snap:1", "epochs": 2, "warmup_epochs": 0.0}
    recipes = {
        "float": plain,
        "8 bits": quantised,
        "4 bits, lsq": dataclasses.replace(quantised, bits=4, quantizer="lsq"),
        "8 bits, 16 centroids": dataclasses.replace(quantised, clusters=16, **stages),
        _STOCK: plain,
    }
    recipes = {name: dataclasses.replace(each, precision="float32") for name, each in recipes.items()}
    if precision.available("bfloat16"):
        for name in ("float", "8 bits"):
            recipes[f"{name}, bfloat16"] = dataclasses.replace(recipes[name], precision="bfloat16")
    steps = {}
    for name, each in recipes.items():
        network = assembly.build(each, dataset.input_shape, dataset.classes)
        network = quantize_stock(network) if name == _STOCK else network
        trainer = compiled(each, network, dataset)
        steps[name] = tf.function(trainer.train_step), each.precision
    samples = in_turn(steps, batch, repetitions or _REPETITIONS)
    baseline = samples["float"]
    rows = [
        {
            "network": name,
            "median_ms": float(np.median(times) * 1e3),
            # Pair by pair: a drift of the machine meets both halves of a pair.
            "ratio_to_float": float(np.median(times / baseline)),
            "ratio_p10": float(np.percentile(times / baseline, 10)),
            "ratio_p90": float(np.percentile(times / baseline, 90)),
        }
        for name, times in samples.items()
    ]
    size = int(batch["image"].shape[0])
    report(f"one training step of {recipe.network}, batch {size}, {len(baseline)} times in turn")
    for row in rows:
        report(
            f"{row['network']:<20} {row['median_ms']:8.1f} ms   {row['ratio_to_float']:.3f} x float "
            f"(p10 {row['ratio_p10']:.3f}, p90 {row['ratio_p90']:.3f})"
        )
    return {"network": recipe.network, "batch_size": size, "samples": len(baseline), "rows": rows}


def in_turn(steps: dict[str, tuple[Any, str]], batch: dict[str, Any], count: int) -> dict[str, np.ndarray]:
    """Returns the seconds that each step took, `count` times in turn.

    Args:
        steps: by name, a function of a batch and the arithmetic of its convolutions.
        batch: what all of them get.
        count: how often, after a warm-up.
    """
    samples: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(_WARM_UP + count):
        for name, (run_step, arithmetic) in steps.items():
            with precision.convolutions(arithmetic):
                began = time.perf_counter()
                run_step(batch)["loss"].numpy()
                elapsed = time.perf_counter() - began
            if number >= _WARM_UP:
                samples[name].append(elapsed)
    return {name: np.array(times) for name, times in samples.items()}
