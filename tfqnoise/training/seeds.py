"""The same recipe with several seeds and on every fold, beside a baseline with the same schedule."""

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise import metrics
from tfqnoise.errors import UsageError
from tfqnoise.limits import FOLDS
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run
from tfqnoise.training.series import Series

FILE = "seeds.json"
_MOST = 100


def train_seeds(
    recipe: Recipe,
    directory: str | os.PathLike[str] | None = None,
    *,
    seeds: int = 3,
    baseline: bool = False,
    all_folds: bool = False,
    resume: bool = False,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Trains a recipe with seeds s, s + 1, … (which change weights, order, augmentation and noise alike).

    Each run is a run directory of its own, DIRECTORY/seed<n>; with a baseline there is DIRECTORY/baseline-seed<n>,
    too: the same recipe with cross-entropy and no strategy. With all folds these are DIRECTORY/fold<k>-seed<n> and so
    on. What was finished before an interruption is kept.

    Args:
        recipe: everything but the seeds; its own is the first.
        directory: where the runs are kept; `runs/<time>-<dataset>-<network>` if not given.
        seeds: how many.
        baseline: whether the baseline is trained too.
        all_folds: whether to train on each fold of the data set instead of the recipe's own.
        resume: go on with the runs in the directory; the other arguments must be those it began with.
        report: takes each message.

    Returns:
        The content of DIRECTORY/seeds.json: for the recipe and its baseline the figures of each seed, their mean and
        range.

    Raises:
        UsageError: for a number of seeds out of its limits, a baseline that is the recipe itself, folds that the data
            set doesn't have, or one teacher for several seeds.
        RunError: if the directory holds other runs.
    """
    plain = _plain(recipe, seeds, baseline)
    parent = Run(Path(directory) if directory else Run.fresh(recipe))
    asked = {"recipe": recipe.to_dict(), "seeds": seeds, "baseline": baseline, "all_folds": all_folds}
    # The run that export takes for the newest is then one of the recipe itself.
    kinds = {"baseline-seed": plain, "seed": recipe} if baseline else {"seed": recipe}
    members = {stem: list(_members(each, stem, seeds, all_folds)) for stem, each in kinds.items()}
    flags = "the same recipe, --seeds, --baseline and --all-folds"
    series = Series(parent, FILE, asked, flags, report)
    found: dict[str, Any] = {**asked, "baseline_figures": None}
    with series.begun(resume):
        for stem, each in members.items():
            runs = [series.train(name, member) for name, member in each]
            found["figures" if stem == "seed" else "baseline_figures"] = figures(runs)
    parent.write_json(FILE, found)
    report(f"\n{table(found)}\n{parent.path / FILE}")
    return found


def _plain(recipe: Recipe, seeds: int, baseline: bool) -> Recipe:
    if not 1 <= seeds <= _MOST:
        raise UsageError(f"--seeds {seeds}", f"from 1 to {_MOST}", "use for example --seeds 3")
    plain = dataclasses.replace(recipe, loss=Recipe.loss, strategy=Recipe.strategy, teacher=None)
    if baseline and plain == recipe:
        raise UsageError(
            "--baseline with cross-entropy and no strategy",
            "a --loss or --strategy to compare with it",
            "leave --baseline out, or name a loss or strategy",
        )
    return plain


def _members(recipe: Recipe, stem: str, seeds: int, all_folds: bool) -> Iterator[tuple[str, Recipe]]:
    # The last fold first: a data set without folds is refused before anything has been trained.
    for fold in range(FOLDS, 0, -1) if all_folds else [recipe.fold]:
        for seed in range(recipe.seed, recipe.seed + seeds):
            name = stem.replace("seed", f"fold{fold}-seed") if all_folds else stem
            teacher = recipe.teacher and _teacher(recipe.teacher, f"{name}{seed}", seeds > 1 or all_folds)
            yield f"{name}{seed}", dataclasses.replace(recipe, fold=fold, seed=seed, teacher=teacher)


def _teacher(path: str, name: str, several: bool) -> str:
    """Returns the teacher of one member: that of its own seed, which learnt the same labels."""
    own = Path(path) / name
    if (own / "recipe.json").exists():
        return str(own)
    if several:
        raise UsageError(
            f"--teacher {path} for several seeds or folds, without {own}",
            "a teacher for each, since each has wrong labels of its own: the directory of a series of the same seeds",
            "train the teachers with the same --seeds and --all-folds, and name their directory",
        )
    return path


def figures(runs: list[Run]) -> dict[str, Any]:
    """Returns what several runs of one recipe came to: each seed's figures, and their means and ranges."""
    rows = []
    for run in runs:
        summary = run.read_json("summary.json")
        with run.expecting("summary.json"):
            metric = summary["metric"]
            rows.append(
                {
                    "run": run.path.name,
                    "seed": summary["seed"],
                    "metric": metric,
                    **{name: summary[f"test_{metric}_{name}"] for name in ("last", "best", "selected")},
                    "memorised": summary["memorised_last"],
                    "recovered": summary["recovered_last"],
                    "effective_noise_rate": run.read_json("noise.json")["effective_rate"],
                }
            )
    spans = {}
    for name in ("last", "best", "selected", "memorised", "recovered", "effective_noise_rate"):
        values = [row[name] for row in rows if row[name] is not None]
        if values:
            spans[name] = {"mean": float(np.mean(values)), "least": min(values), "most": max(values)}
    return {"seeds": rows, "over_seeds": spans}


def table(found: dict[str, Any]) -> str:
    """Returns means and ranges in words.

    Args:
        found: the content of seeds.json.
    """
    lines = []
    for title, part in (("recipe", found["figures"]), ("baseline", found["baseline_figures"])):
        if part is None:
            continue
        spans, word = part["over_seeds"], metrics.NAMES[part["seeds"][0]["metric"]]
        shown = ", ".join(
            f"{name} {span['mean']:.2%} ({span['least']:.2%} to {span['most']:.2%})"
            for name, span in spans.items()
            if name in ("last", "best", "selected")
        )
        many = f"{found['seeds']} seed{'s' * (found['seeds'] != 1)}"
        many += f" on each of {FOLDS} folds" if found["all_folds"] else ""
        lines.append(f"{title}, {many}: test {word} {shown}")
        for name in ("memorised", "recovered"):
            if name in spans:
                lines[-1] += f", {name} {spans[name]['mean']:.1%}"
    rate = found["figures"]["over_seeds"]["effective_noise_rate"]
    recipe = found["recipe"]
    lines.append(
        f"noise {recipe['noise_kind']} {recipe['noise']:g}: {rate['mean']:.1%} of the labels wrong; last is the last "
        "epoch, selected the best on noisy validation labels, best the best on the test pictures (not to choose by)"
    )
    return "\n".join(lines)
