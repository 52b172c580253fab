"""The training pipeline: batch number in, batch out.

A batch is a pure function of (recipe, batch number). So training may start at any batch and get what an
uninterrupted run would have got, whatever the number of workers.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tfqnoise import augmentation
from tfqnoise.augmentation import schedules
from tfqnoise.backend import tf
from tfqnoise.compression.plan import Phase
from tfqnoise.data.dataset import Dataset
from tfqnoise.data.source import Examples, Source
from tfqnoise.errors import UsageError
from tfqnoise.recipe import Recipe

# The number of a picture's first strong view, far behind those of its views.
_STRONG = 1024
# What `tf.random.experimental.index_shuffle` puts in front of its seed.
_SHUFFLE = 498_247_692
_PARALLEL = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True}


def steps_per_epoch(recipe: Recipe, dataset: Dataset, phase: Phase | None = None) -> int:
    """Returns the batches of an epoch. A last batch that isn't full is left out; the next epoch's order differs.

    An epoch of pre-training is a pass over its own pictures; one on trusted labels, of which there are few, has as
    many batches as one on all labels.
    """
    examples = len(dataset.pool) if phase and phase.rotation else len(dataset.train)
    return recipe.steps_per_epoch or max(1, examples // recipe.batch_size)


def batches(
    recipe: Recipe,
    dataset: Dataset,
    start_epoch: int = 0,
    *,
    phase: Phase | None = None,
    views: int = 1,
    strong: Any = None,
    strong_views: int = 0,
    parallel: bool = True,
    size_share: float | None = None,
    replicas: int = 1,
) -> Any:
    """Returns the batches from an epoch to the end of the run.

    Args:
        recipe: batch size, epochs, seed and augmentation.
        dataset: the data; its pictures stay in memory as uint8.
        start_epoch: the first epoch, counted from 0.
        phase: says what is fed: all pictures with their given labels, the trusted ones, or those for pre-training.
        views: augmentations of each picture.
        strong: the policy of further ones; None for the recipe's.
        strong_views: how many of these.
        parallel: whether batches are made on several threads; the result is the same.
        size_share: the share of the filters to be pruned that are still there, which the magnitude schedule follows;
            None for the share of the span that is still to go.
        replicas: N. With more than one, N elements make a batch: the share of each replica in turn.

    Returns:
        A `tf.data.Dataset` of dicts: `image` uint8 [B, H, W, C], `views` (a tuple of as many more of it),
        `strong` (likewise), `label` int64 [B] or [B, L] (the given one), `row` int64 [B], the example's row in tables
        per example, `number` and `epoch` int64 [], both from the run's first, and `passed` float32 [], see `Phase`.
    """
    examples, given, origin = _fed(dataset, phase)
    steps, size = steps_per_epoch(recipe, dataset, phase), min(recipe.batch_size, len(examples)) // replicas
    change, strongly = _change(recipe, dataset.source), limited(dataset.source, strong or recipe.augmentation)
    images, keys, given, origin = map(tf.constant, (examples.images, examples.keys, given, origin))

    def make(element: Any) -> dict[str, Any]:
        number = element // replicas if replicas > 1 else element
        epoch, rows = number // steps, _rows(recipe, element, steps, size, len(examples), replicas)
        batch_keys, pictures = tf.gather(keys, rows), tf.gather(images, rows)
        passed = _passed(number, steps, phase.span if phase else (0, recipe.epochs))
        left = 1 - passed if size_share is None else tf.constant(size_share, tf.float32)
        # A seed has 31 bits; what is above them tells the views of a picture apart.
        seen = [change(pictures, batch_keys, recipe.seed + (view << 32), epoch, left) for view in range(views)]
        seeds = [recipe.seed + (_STRONG + view << 32) for view in range(strong_views)]
        return {
            "image": seen[0],
            "views": tuple(seen[1:]),
            "strong": tuple(strongly(pictures, batch_keys, seed, epoch) for seed in seeds),
            "label": tf.gather(given, rows),
            "row": tf.gather(origin, rows),
            "number": number,
            "epoch": epoch,
            "passed": passed,
        }

    elements = tf.data.Dataset.range(start_epoch * steps * replicas, recipe.epochs * steps * replicas)
    return elements.map(make, **(_PARALLEL if parallel else {})).prefetch(tf.data.AUTOTUNE)


def _passed(number: Any, steps: int, span: tuple[int, int]) -> Any:
    """Returns the share of a span of epochs that is over in front of a batch."""
    first, last = span
    return tf.clip_by_value((tf.cast(number, tf.float32) / steps - first) / (last - first), 0.0, 1.0)


def _rows(recipe: Recipe, element: Any, steps: int, size: int, examples: int, replicas: int) -> Any:
    """Returns the rows of a batch, or of a replica's share of it: of N replicas, k has the rows r with r mod N = k.

    A pass is a permutation of all rows, of which each batch computes its own part; with more --steps-per-epoch than
    there are batches in a pass, an epoch holds several.
    """
    number, replica = (element // replicas, element % replicas) if replicas > 1 else (element, 0)
    batches_per_pass = examples // replicas // size
    epoch, step = number // steps, number % steps
    turn, place = step // batches_per_pass, step % batches_per_pass
    positions = place * size + tf.range(size, dtype=tf.int64)
    passes = epoch * math.ceil(steps / batches_per_pass) + turn
    if replicas == 1:
        return _shuffled(positions, recipe.seed, passes, examples - 1)
    # Each has an order of its own, or the same pictures would always meet in a batch.
    last = (examples - 1 - replica) // replicas
    return _shuffled(positions, recipe.seed, passes * replicas + replica, last) * replicas + replica


def _shuffled(positions: Any, seed: int, number: Any, last: Any) -> Any:
    """Returns what is at some positions in order `number` of a seed, a permutation of 0 … last.

    Of each of the three parts of its seed the op counts only the lowest bits, 8 of them for up to 65,536 rows. So
    what is above these goes into the first, and a long run doesn't come back to its first orders.
    """
    parts = [_SHUFFLE + seed // 256 + number // 256, tf.constant(seed, tf.int64), number]
    return tf.raw_ops.RandomIndexShuffle(index=positions, seed=tf.stack(parts), max_index=last, rounds=4)


def _fed(dataset: Dataset, phase: Phase | None) -> tuple[Examples, np.ndarray, np.ndarray]:
    """Returns the examples that a phase is fed with, their labels and their rows in tables per example."""
    train = dataset.train
    if phase and phase.rotation:
        return dataset.pool, np.zeros(len(dataset.pool), np.int64), np.zeros(len(dataset.pool), np.int64)
    if phase and phase.trusted and dataset.trusted is not None:
        rows = dataset.trusted.rows
        return train.examples.take(rows), dataset.trusted.labels, rows
    return train.examples, train.given, np.arange(len(train))


def _change(recipe: Recipe, source: Source) -> Callable[..., Any]:
    """Returns the recipe's augmentation, which also takes what its magnitude schedule follows."""
    change, schedule = policy(recipe, source), schedules.get(recipe.magnitude_schedule)
    if hasattr(change, "magnitude"):
        return lambda *arguments: change(*arguments[:-1], schedule(arguments[-1]))
    return lambda *arguments: change(*arguments[:-1])


def policy(recipe: Recipe, source: Source) -> Any:
    """Returns the recipe's augmentation, with the source's own limits where the recipe names none.

    Raises:
        UsageError: for an unknown policy, schedule or setting, or a schedule of a magnitude that the policy hasn't.
    """
    found = limited(source, recipe.augmentation)
    schedules.get(recipe.magnitude_schedule)
    if recipe.magnitude_schedule != Recipe.magnitude_schedule and not hasattr(found, "magnitude"):
        raise UsageError(
            f"--magnitude-schedule {recipe.magnitude_schedule} with --augmentation {recipe.augmentation}",
            "an augmentation that has a magnitude",
            "add for example --augmentation rand_augment, or leave the schedule out",
        )
    return found


def limited(source: Source, spec: Any) -> Any:
    """Returns an augmentation, with the source's own limits where its spec names none.

    Raises:
        UsageError: for an unknown policy or setting.
    """
    registry = augmentation.registry
    accepted = registry.entry(registry.parse(spec)["name"]).settings
    limits = {"pad": source.pad, "flip": source.flip}
    return registry.get(spec, **{name: limits[name] for name in limits if name in accepted})
