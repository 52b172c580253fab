"""A finished run whose network teaches another."""

from collections.abc import Callable
from typing import Any

from tfqnoise import assembly
from tfqnoise.backend import tf
from tfqnoise.data.dataset import Dataset
from tfqnoise.errors import RunError, UsageError
from tfqnoise.networks.predict import scale
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run


def teacher(recipe: Recipe, dataset: Dataset) -> Any:
    """Returns the network of --teacher.

    Args:
        recipe: names the teacher's run.
        dataset: what the student learns.

    Raises:
        RunError: if the run isn't finished or is damaged.
        UsageError: if it learnt other classes or other pictures.
    """
    run, *found = finished(recipe.teacher or "", "--teacher")
    wanted = dataset.input_shape, dataset.source.class_names
    if tuple(found) != wanted:
        raise UsageError(
            f"the teacher {run.path} learnt {len(found[1])} classes from pictures of {found[0]}",
            f"the {len(wanted[1])} classes of {recipe.dataset} and pictures of {wanted[0]}",
            "choose a teacher that was trained on the same data set",
        )
    return assembly.restored(run, dataset.input_shape, dataset.classes).network


def finished(path: str, flag: str) -> tuple[Run, tuple[int, ...], tuple[str, ...]]:
    """Returns a finished run, the shape of its pictures and the names of its classes.

    Args:
        path: of the run.
        flag: that named it.

    Raises:
        RunError: if it isn't finished or is damaged.
    """
    run = Run.open(path)
    if not (run.path / "summary.json").exists():
        raise RunError(
            f"the run {run.path} of {flag} is not finished",
            "a finished run",
            f"finish it: python scripts/train.py --resume --run-dir {run.path}",
        )
    learned = run.read_json("summary.json")
    with run.expecting("summary.json"):
        return run, tuple(learned["input_shape"]), tuple(learned["class_names"])


def answers(network: Any) -> Callable[[Any], Any]:
    """Returns a network as a function from a batch of uint8 pictures to logits, which takes no gradient."""
    return lambda images: tf.stop_gradient(network(scale(images), training=False))
