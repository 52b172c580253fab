"""The training pipeline: batch number in, batch out.

A batch is a pure function of (recipe, batch number). So training may start at any batch and get what an
uninterrupted run would have got, whatever the number of workers.
"""

import math
from typing import Any

from tfqnoise import augmentation
from tfqnoise.backend import tf
from tfqnoise.data.dataset import Dataset
from tfqnoise.data.source import Source
from tfqnoise.recipe import Recipe


def steps_per_epoch(recipe: Recipe, examples: int) -> int:
    """Returns the batches of an epoch. A last batch that isn't full is left out; the next epoch's order differs."""
    return recipe.steps_per_epoch or max(1, examples // recipe.batch_size)


def batches(recipe: Recipe, dataset: Dataset, start_epoch: int = 0, *, parallel: bool = True) -> Any:
    """Returns the batches from an epoch to the end of the run.

    Args:
        recipe: batch size, epochs, seed and augmentation.
        dataset: the data; its pictures stay in memory as uint8.
        start_epoch: the first epoch, counted from 0.
        parallel: whether batches are made on several threads; the result is the same.

    Returns:
        A `tf.data.Dataset` of dicts: `image` uint8 [B, H, W, C], `label` int64 [B] (the given one) and `row`
        int64 [B], the example's row in tables per example.
    """
    examples = dataset.train.examples
    change = policy(recipe, dataset.source)
    size = min(recipe.batch_size, len(examples))
    steps = steps_per_epoch(recipe, len(examples))
    batches_per_pass = len(examples) // size
    images, keys = tf.constant(examples.images), tf.constant(examples.keys)
    given = tf.constant(dataset.train.given)

    def make(number: Any) -> dict[str, Any]:
        epoch, step = number // steps, number % steps
        # A pass is a permutation of the rows, of which each batch computes its own part; with more
        # --steps-per-epoch than there are batches in a pass, an epoch holds several.
        turn, place = step // batches_per_pass, step % batches_per_pass
        positions = place * size + tf.range(size, dtype=tf.int64)
        passed = epoch * math.ceil(steps / batches_per_pass) + turn
        seed = tf.stack([tf.constant(recipe.seed, tf.int64), passed])
        rows = tf.random.experimental.index_shuffle(positions, seed, len(examples) - 1)
        batch_keys = tf.gather(keys, rows)
        return {
            "image": change(tf.gather(images, rows), batch_keys, recipe.seed, epoch),
            "label": tf.gather(given, rows),
            "row": rows,
        }

    numbers = tf.data.Dataset.range(start_epoch * steps, recipe.epochs * steps)
    workers = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True} if parallel else {}
    return numbers.map(make, **workers).prefetch(tf.data.AUTOTUNE)


def policy(recipe: Recipe, source: Source) -> Any:
    """Returns the recipe's augmentation, with the source's own limits where the recipe names none.

    Raises:
        UsageError: for an unknown policy or setting.
    """
    registry = augmentation.registry
    accepted = registry.entry(registry.parse(recipe.augmentation)["name"]).settings
    limits = {"pad": source.pad, "flip": source.flip}
    return registry.get(recipe.augmentation, **{name: limits[name] for name in limits if name in accepted})
