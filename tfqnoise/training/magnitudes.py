"""Which magnitude of augmentation suits a network of one size: a short run with each."""

import dataclasses
import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfqnoise import augmentation, metrics
from tfqnoise.errors import UsageError
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run
from tfqnoise.training.series import Series

FILE = "magnitude.json"
_MOST = 20


def search(
    recipe: Recipe,
    directory: str | os.PathLike[str] | None = None,
    *,
    magnitudes: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0),
    resume: bool = False,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Trains a recipe with each of several magnitudes and says which suits it.

    Each run is a run directory of its own, DIRECTORY/magnitude-<m>, with the same seed. The best is the one whose
    last epoch is best on the validation pictures, whose labels are as noisy as those trained on; test pictures have
    no say. What was finished before an interruption is kept.

    Args:
        recipe: everything but the magnitude. A network that will be pruned is tried at the size it will have, by its
            width.
        directory: where the runs are kept; `runs/<time>-<dataset>-magnitude` if not given.
        magnitudes: to try, from 0 to 1.
        resume: go on with the runs in the directory; the other arguments must be those it began with.
        report: takes each message.

    Returns:
        The content of DIRECTORY/magnitude.json: the figures of each magnitude and the best one.

    Raises:
        UsageError: for an augmentation without magnitude, or magnitudes out of their limits.
        RunError: if the directory holds other runs.
    """
    members = {f"magnitude-{m:g}": (m, _with(recipe, m)) for m in _checked(magnitudes)}
    parent = Run(Path(directory) if directory else Run.fresh(recipe, "magnitude"))
    asked = {"recipe": recipe.to_dict(), "magnitudes": [float(m) for m, _ in members.values()]}
    series = Series(parent, FILE, asked, "the same recipe and --magnitudes", report)
    rows = []
    with series.begun(resume):
        for name, (magnitude, member) in members.items():
            run = series.train(name, member)
            rows.append({"magnitude": float(magnitude), "run": name, **_figures(run)})
    best = max(rows, key=lambda row: row["validation_last"])
    found = {**asked, "figures": rows, "best": best["magnitude"]}
    found["augmentation"] = _with(recipe, best["magnitude"]).augmentation
    parent.write_json(FILE, found)
    report(f"\n{table(found)}\n{parent.path / FILE}")
    return found


def _checked(magnitudes: Sequence[float]) -> list[float]:
    found = sorted({round(float(each), 6) for each in magnitudes})
    if not 2 <= len(found) <= _MOST or not all(0 <= each <= 1 for each in found):
        raise UsageError(
            f"--magnitudes {' '.join(f'{each:g}' for each in magnitudes)}",
            f"from 2 to {_MOST} different ones from 0 to 1",
            "leave --magnitudes out for 0 0.25 0.5 0.75 1",
        )
    return found


def _with(recipe: Recipe, magnitude: float) -> Recipe:
    """Returns the recipe with another magnitude of its augmentation."""
    spec = dict(augmentation.registry.parse(recipe.augmentation))
    entry = augmentation.registry.entry(spec["name"])
    if "magnitude" not in entry.settings or spec.get("size") is not None:
        raise UsageError(
            f"--augmentation {recipe.augmentation} in a search for a magnitude",
            "an augmentation that has a magnitude, which no other setting overrules",
            "use --augmentation rand_augment or cutout",
        )
    return dataclasses.replace(recipe, augmentation=json.dumps({**spec, "magnitude": float(magnitude)}))


def _figures(run: Run) -> dict[str, Any]:
    summary, record = run.read_json("summary.json"), run.read_json("noise.json")
    with run.expecting("summary.json"):
        metric = summary["metric"]
        share, pictures = summary[f"validation_{metric}_last"], run.recipe.validation * record["examples"]
        return {
            "metric": metric,
            "validation_last": share,
            # About, since pictures are held out by chance. Of an F1 it is no matter of counting.
            "standard_error": math.sqrt(share * (1 - share) / pictures) if metric == "accuracy" else None,
            "memorised": summary["memorised_last"],
            "parameters": summary["parameters"],
        }


def table(found: dict[str, Any]) -> str:
    """Returns the figures of each magnitude in words, and the flag to use.

    Args:
        found: the content of magnitude.json.
    """
    rows, recipe = found["figures"], found["recipe"]
    lines = [
        f"{recipe['network']}, {rows[0]['parameters']:,} parameters: {metrics.NAMES[rows[0]['metric']]} on "
        "validation pictures with noisy labels, last epoch"
    ]
    for row in rows:
        memorised = "" if row["memorised"] is None else f", memorised {row['memorised']:.1%}"
        best = "   <- best" if row["magnitude"] == found["best"] else ""
        lines.append(f"  magnitude {row['magnitude']:<5g} {row['validation_last']:.2%}{memorised}{best}")
    error = next(row["standard_error"] for row in rows if row["magnitude"] == found["best"])
    if error:
        lines.append(f"the validation pictures are few: each figure may be off by {error:.1%} or more by chance")
    lines.append(f"use --augmentation '{found['augmentation']}'")
    return "\n".join(lines)
