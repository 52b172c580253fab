"""Accuracy against the magnitude of augmentation, a line for each size of network."""

import json
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from tfqnoise.run import Run


def magnitude(run: Run) -> float | None:
    """Returns the magnitude that a run's recipe names; None if it names none."""
    text = run.recipe.augmentation
    try:
        found = json.loads(text).get("magnitude") if text.startswith("{") else None
    except (ValueError, AttributeError):
        return None
    return float(found) if isinstance(found, int | float) else None


def figure(runs: Sequence[Run]) -> Figure | None:
    """Returns the figure; None unless at least two magnitudes of otherwise equal recipes are among the runs.

    Args:
        runs: finished runs of one metric.
    """
    lines: dict[str, list[tuple[float, float, float | None]]] = {}
    for run in sorted(runs, key=lambda run: (run.recipe.network, run.recipe.noise, run.recipe.width)):
        size, recipe, summary = magnitude(run), run.recipe, run.read_json("summary.json")
        if size is not None:
            with run.expecting("summary.json"):
                name = f"{recipe.network}, width {recipe.width:g}, noise {recipe.noise:g}"
                found = float(summary[f"test_{summary.get('metric', 'accuracy')}_last"])
                lines.setdefault(name, []).append((size, found, summary.get("memorised_last")))
    if not any(len({point[0] for point in points}) > 1 for points in lines.values()):
        return None
    drawn = Figure(figsize=(10, 4), layout="constrained")
    known = any(point[2] is not None for points in lines.values() for point in points)
    axes = drawn.subplots(1, 2 if known else 1, squeeze=False)[0]
    for column, (panel, label) in enumerate(zip(axes, ("test, last epoch", "memorised wrong labels"), strict=False)):
        for name, points in lines.items():
            _draw(panel, name, [(point[0], point[1 + column]) for point in sorted(points)])
        panel.set(xlabel="magnitude of augmentation", ylabel=label)
    axes[0].legend(fontsize="small")
    return drawn


def _draw(panel: Any, name: str, points: list[tuple[float, float | None]]) -> None:
    known = [(size, value) for size, value in points if value is not None]
    if known:
        panel.plot([size for size, _ in known], [value for _, value in known], marker="o", label=name)
