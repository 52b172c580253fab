"""A run from its recipe to its summary."""

import os
from collections.abc import Callable

from tfqnoise.errors import RunError
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run
from tfqnoise.training import precision
from tfqnoise.training.session import Session


def train(
    recipe: Recipe,
    run_dir: str | os.PathLike[str] | None = None,
    *,
    resume: bool = False,
    report: Callable[[str], None] = print,
) -> Run:
    """Trains as the recipe says and returns the finished run.

    Args:
        recipe: everything about the run.
        run_dir: the run directory; `runs/<time>-<dataset>-<network>` if not given, or with `resume` the newest.
        resume: go on with the run in the directory. The final weights are those of an uninterrupted run.
        report: takes each message.

    Raises:
        TfqnoiseError: for everything a user can mend: data, recipe, plan, run directory, diverged training.

    Example:
        >>> run = train(Recipe(noise=0.4, epochs=1), "runs/try")
        >>> run.read_json("summary.json")["test_accuracy_last"]
    """
    precision.check(recipe.precision)
    if resume:
        run = Run.open(run_dir) if run_dir else Run.newest()
        if run.recipe != recipe:
            raise RunError(
                f"the flags differ from the recipe of {run.path}: {_differences(recipe, run.recipe)}",
                "the run's own recipe",
                "leave the flags out, or start a new run with them",
            )
        return Session(recipe, report).go(run)
    # Everything that a wrong flag can break comes before there is a run directory.
    Run.refuse_existing(run_dir)
    session = Session(recipe, report)
    return session.go(Run.create(recipe, run_dir))


def _differences(asked: Recipe, stored: Recipe) -> str:
    pairs = zip(asked.to_dict().items(), stored.to_dict().values(), strict=True)
    return ", ".join(f"{name} {new!r}, not {old!r}" for (name, new), old in pairs if new != old)
