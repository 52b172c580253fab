"""How fast the pipeline feeds, against what training consumes."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise import assembly, augmentation
from tfqnoise.backend import tf
from tfqnoise.benchmark import register, uncompressed
from tfqnoise.data import dataset as data
from tfqnoise.data import pipeline as feeding
from tfqnoise.export.subject import Subject
from tfqnoise.recipe import Recipe
from tfqnoise.training import precision
from tfqnoise.training.engine import compiled

_REPETITIONS = 5
_FEED_BATCHES, _TRAIN_BATCHES = 200, 10
# Batches that are fed before the clock runs: the first is traced, and some are there in advance.
_LEAD = 20


@register(reference="-")
def pipeline(
    subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None]
) -> dict[str, Any]:
    """Pictures a second that the pipeline makes with each augmentation, against those that a float step consumes."""
    recipe = subject.whole_run("--target pipeline").recipe
    dataset = data.load(recipe)
    feeds = {name: feeding.batches(each, dataset) for name, each in _recipes(recipe).items()}
    network = assembly.build(recipe, dataset.input_shape, dataset.classes)
    step = tf.function(compiled(uncompressed(recipe), network, dataset).train_step)
    batch = next(iter(feeds[recipe.augmentation]))
    size = int(batch["image"].shape[0])
    with precision.convolutions(recipe.precision):
        step(batch)

    def train() -> float:
        began = time.perf_counter()
        with precision.convolutions(recipe.precision):
            for _ in range(_TRAIN_BATCHES):
                step(batch)["loss"].numpy()
        return _TRAIN_BATCHES * size / (time.perf_counter() - began)

    samples = {name: np.empty((repetitions or _REPETITIONS, 2)) for name in feeds}
    for turn in range(repetitions or _REPETITIONS):
        for name, batches in feeds.items():
            samples[name][turn] = _feed(batches), train()
    rows = {}
    for name, pairs in samples.items():
        fed, trained = (float(value) for value in np.median(pairs, axis=0))
        ratio = float(np.median(pairs[:, 0] / pairs[:, 1]))
        rows[name] = {"pipeline_images_per_second": fed, "training_images_per_second": trained, "ratio": ratio}
        report(
            f"with {name} the pipeline makes {fed:,.0f} pictures a second, a training step of {recipe.network} "
            f"consumes {trained:,.0f}: {ratio:.1f} times as many"
        )
    return {**rows[recipe.augmentation], "augmentations": rows}


def _recipes(recipe: Recipe) -> dict[str, Recipe]:
    """Returns the recipe with its own augmentation, and with each of the others as it is by default."""
    own = augmentation.registry.parse(recipe.augmentation)["name"]
    others = [name for name in augmentation.registry.entries() if name != own]
    # A schedule needs a magnitude, which not every one has.
    plain = dataclasses.replace(recipe, magnitude_schedule=Recipe.magnitude_schedule)
    return {
        recipe.augmentation: recipe,
        **{name: dataclasses.replace(plain, augmentation=name) for name in others},
    }


def _feed(batches: Any) -> float:
    """Returns pictures a second."""
    count, began = 0, 0.0
    for number, batch in enumerate(batches.repeat().take(_LEAD + _FEED_BATCHES)):
        if number == _LEAD:
            began, count = time.perf_counter(), 0
        count += int(batch["image"].shape[0])
    return count / (time.perf_counter() - began)
