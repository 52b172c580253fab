"""How fast the pipeline feeds, against what training consumes."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise import assembly
from tfqnoise.backend import tf
from tfqnoise.benchmark import register, uncompressed
from tfqnoise.data import dataset as data
from tfqnoise.data import pipeline as feeding
from tfqnoise.export.subject import Subject
from tfqnoise.training import precision
from tfqnoise.training.engine import compiled

_REPETITIONS = 5
_FEED_BATCHES, _TRAIN_BATCHES = 200, 10


@register(reference="-")
def pipeline(
    subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None]
) -> dict[str, Any]:
    """Pictures a second that the training pipeline makes, against those that a float step consumes."""
    recipe = subject.whole_run("--target pipeline").recipe
    dataset = data.load(recipe)
    batches = feeding.batches(recipe, dataset)
    network = assembly.build(recipe, dataset.input_shape, dataset.classes)
    step = tf.function(compiled(uncompressed(recipe), network, dataset).train_step)
    batch = next(iter(batches))
    size = int(batch["image"].shape[0])
    with precision.convolutions(recipe.precision):
        step(batch)

    def feed() -> float:
        began, count = time.perf_counter(), 0
        for _ in batches.take(_FEED_BATCHES):
            count += size
        return count / (time.perf_counter() - began)

    def train() -> float:
        began = time.perf_counter()
        with precision.convolutions(recipe.precision):
            for _ in range(_TRAIN_BATCHES):
                step(batch)["loss"].numpy()
        return _TRAIN_BATCHES * size / (time.perf_counter() - began)

    pairs = np.array([(feed(), train()) for _ in range(repetitions or _REPETITIONS)])
    fed, trained = (float(value) for value in np.median(pairs, axis=0))
    ratio = float(np.median(pairs[:, 0] / pairs[:, 1]))
    report(
        f"the pipeline makes {fed:,.0f} pictures a second, a training step of {recipe.network} consumes "
        f"{trained:,.0f}: {ratio:.1f} times as many"
    )
    return {"pipeline_images_per_second": fed, "training_images_per_second": trained, "ratio": ratio}
