"""What each strategy costs: its training step against that of plain cross-entropy."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise import assembly, losses
from tfqnoise import strategies as family
from tfqnoise.backend import tf
from tfqnoise.benchmark import register
from tfqnoise.benchmark.step import in_turn
from tfqnoise.data import dataset as data
from tfqnoise.data import pipeline
from tfqnoise.data.dataset import Dataset
from tfqnoise.errors import UsageError
from tfqnoise.export.subject import Subject
from tfqnoise.recipe import Recipe
from tfqnoise.strategies import Problem, State
from tfqnoise.training.engine import compiled
from tfqnoise.training.teacher import answers

_REPETITIONS = 10
_VIEWS = 4


@register(reference="-")
def strategies(
    subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None]
) -> dict[str, Any]:
    """One training step of the recipe's network under each strategy, each in turn with plain cross-entropy.

    Steps are taken from early (a tenth) and late (nine tenths) in a run, since some strategies change on their way.
    What a strategy does between epochs isn't in them, nor making further views of a picture. The teacher of
    `distillation` and `difficulty` is a float network of the recipe's own kind.
    """
    recipe = subject.whole_run("--target strategies").recipe
    dataset = data.load(recipe)
    if dataset.source.task != "single":
        raise UsageError(
            f"{subject.path} has several labels a picture", "one label a picture", "use --target step for its step"
        )
    batch = next(iter(pipeline.batches(recipe, dataset, views=_VIEWS, strong_views=_VIEWS)))
    fresh = functools.partial(assembly.build, recipe, dataset.input_shape, dataset.classes)
    plain = tf.function(compiled(recipe, fresh(), dataset).train_step), recipe.precision
    rows = []
    for name in family.registry.entries():
        row: dict[str, Any] = {"strategy": name}
        for moment, passed in (("early", 0.1), ("late", 0.9)):
            step = tf.function(compiled(recipe, fresh(), dataset, _state(name, recipe, dataset, fresh())).train_step)
            at = {"passed": tf.constant(passed), "epoch": tf.constant(round(passed * recipe.epochs), tf.int64)}
            samples = in_turn(
                {"plain": plain, name: (step, recipe.precision)}, batch | at, repetitions or _REPETITIONS
            )
            ratios = samples[name] / samples["plain"]
            row |= {moment: float(np.median(ratios)), f"{moment}_p10_p90": np.percentile(ratios, [10, 90]).tolist()}
        rows.append(row)
        report(f"{name:<22} {row['early']:6.2f} x plain early in a run, {row['late']:6.2f} x late")
    size = int(batch["image"].shape[0])
    return {"network": recipe.network, "bits": recipe.bits, "batch_size": size, "rows": rows}


def _state(name: str, recipe: Recipe, dataset: Dataset, teacher: Any) -> State:
    problem = Problem(dataset.train.given, dataset.classes, recipe.epochs, teacher=answers(teacher))
    return family.get(name).build(losses.scheduled(losses.get("cross_entropy")), problem)
