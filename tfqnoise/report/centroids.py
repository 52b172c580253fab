"""How centroids move."""

import math
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfqnoise.report import register
from tfqnoise.run import Run

_COLUMNS = 4


@register(reference="-")
def centroids(run: Run) -> Any:
    """The centroids of each layer and its quantization error, epoch by epoch.

    Behind the dashed line weights are their centroids, and the error is that of rounding these to int8 (none on the
    uniform grid).
    """
    if not (run.path / "clusters.jsonl").exists():
        return None
    with run.expecting("clusters.jsonl"):
        return _drawn(run.read_lines("clusters.jsonl"))


def _drawn(rows: list[dict[str, Any]]) -> Any:
    epochs = [row["epoch"] for row in rows]
    # Revived are centroids only while weights are drawn to them; TF-MOT's weights are centroids from the start.
    drawn = ["revived" in row["layers"][0] for row in rows]
    snapped = epochs[drawn.index(False)] if drawn[0] and not all(drawn) else None
    layers = _by_layer(rows)
    lines = -(-len(layers) // _COLUMNS)
    figure = Figure(figsize=(4 * _COLUMNS, 2.6 * lines), layout="constrained")
    grid = figure.subplots(lines, _COLUMNS, squeeze=False)
    for (name, history), axes in zip(layers.items(), grid.flat, strict=False):
        values = [[c for book in books for c in book["centroids"]] for books in history]
        axes.plot(epochs, values, color="tab:blue", linewidth=0.8)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if snapped is not None:
            axes.axvline(snapped - 0.5, color="grey", linestyle="--", linewidth=0.8)
        error = axes.twinx()
        # An error of 0, of integers that are exact, has no place on a logarithmic axis.
        errors = [max(book["error"] for book in books) or math.nan for books in history]
        error.plot(epochs, errors, color="tab:red", linewidth=1.2)
        error.set_yscale("log")
        error.tick_params(labelsize=7, colors="tab:red")
        axes.tick_params(labelsize=7)
    for axes in list(grid.flat)[len(layers) :]:
        axes.remove()
    caption = "centroids (blue) and mean squared quantization error (red)"
    figure.suptitle(caption + ("; dashed: weights become centroids" if snapped is not None else ""), fontsize=10)
    return figure


def _by_layer(rows: list[dict[str, Any]]) -> dict[str, list[list[dict[str, Any]]]]:
    """Returns by layer, epoch by epoch, its codebooks; those of groups of channels are named layer/number."""
    names = dict.fromkeys(book["layer"].split("/")[0] for book in rows[0]["layers"])
    return {
        name: [[book for book in row["layers"] if book["layer"].split("/")[0] == name] for row in rows]
        for name in names
    }
