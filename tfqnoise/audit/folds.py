"""Networks that each haven't seen a part of the labels, so that every label is judged by one that can't know it."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from tfqnoise.audit.evidence import refused
from tfqnoise.errors import RunError, UsageError
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run
from tfqnoise.training import precision
from tfqnoise.training.session import Session
from tfqnoise.training.train import train

FEWEST, MOST = 2, 20


def check(recipe: Recipe, folds: int) -> None:
    """Refuses what folds can't be trained for.

    Raises:
        UsageError: for too few or many folds, or a recipe that leaves labels out or leaks them.
    """
    if not FEWEST <= folds <= MOST:
        raise UsageError(f"--folds {folds}", f"from {FEWEST} to {MOST}", "choose 4, or leave it out to audit a run")
    if recipe.held_out or recipe.labelled is not None:
        flag = f"--held-out {recipe.held_out}" if recipe.held_out else f"--labelled {recipe.labelled}"
        raise UsageError(
            f"--folds {folds} with a recipe that leaves labels out ({flag})",
            "a recipe that uses all labels",
            "audit a run without --held-out and --labelled, or leave --folds out",
        )
    if recipe.teacher:
        raise UsageError(
            f"--folds {folds} with --teacher {recipe.teacher}, which has seen the labels that are held out",
            "networks that haven't seen them, not even through a teacher",
            "audit a run without a teacher, or leave --folds out",
        )


def trained(
    recipe: Recipe,
    folds: int,
    path: Path,
    report: Callable[[str], None],
    method: tuple[str, Sequence[str]] = ("", ()),
) -> list[Run]:
    """Trains what is left of the folds in `path`/audit and returns them, finished.

    Args:
        recipe: of the run in `path`; each fold differs from it by what is held out, and by nothing else.
        folds: how many.
        path: of the run; it is made with the recipe if there is none.
        report: takes each message.
        method: that is to judge by them: its name, and what it needs.

    Raises:
        UsageError: if the method needs what such networks don't leave.
        TfqnoiseError: for everything that training refuses, before the run directory is made.
    """
    runs = []
    for number in range(1, folds + 1):
        # The number of folds is part of the name: an audit with another number of them leaves these alone.
        folder = path / "audit" / f"fold-{number}-of-{folds}"
        part = dataclasses.replace(recipe, held_out=f"{number}/{folds}")
        if (folder / "recipe.json").exists():
            runs.append(_resumed(part, folder, report))
            continue
        precision.check(part.precision)
        session = Session(part, report)
        # All else that a method may need, folds always leave.
        if "table" in method[1] and session.strategy.label_table() is None:
            raise refused(method[0], ["table"])
        if not (path / "recipe.json").exists():
            Run.create(recipe, path)
            report(f"run: {path}\nif this is stopped, it goes on by: tfqnoise audit {path} --folds {folds}")
        report(f"\nfold {number} of {folds}")
        runs.append(session.go(Run.create(part, folder)))
    return runs


def _resumed(recipe: Recipe, folder: Path, report: Callable[[str], None]) -> Run:
    run = Run.open(folder)
    if run.recipe != recipe:
        raise RunError(
            f"{folder} was trained by another recipe than {folder.parent.parent}",
            "the same recipe but for what is held out",
            f"remove {folder}, so that it is trained anew",
        )
    if not (folder / "summary.json").exists():
        return train(recipe, folder, resume=True, report=report)
    report(f"{folder} is finished already")
    return run
