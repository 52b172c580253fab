"""How centroids move."""

from typing import Any

from matplotlib.figure import Figure

from tfqnoise.report import register
from tfqnoise.run import Run

_COLUMNS = 4


@register(reference="-")
def centroids(run: Run) -> Any:
    """The centroids of each layer and its quantization error, epoch by epoch."""
    if not (run.path / "clusters.jsonl").exists():
        return None
    rows = run.read_lines("clusters.jsonl")
    epochs = [row["epoch"] for row in rows]
    layers = [layer["layer"] for layer in rows[0]["layers"]]
    lines = -(-len(layers) // _COLUMNS)
    figure = Figure(figsize=(4 * _COLUMNS, 2.6 * lines), layout="constrained")
    grid = figure.subplots(lines, _COLUMNS, squeeze=False)
    for number, (name, axes) in enumerate(zip(layers, grid.flat, strict=False)):
        history = [row["layers"][number] for row in rows]
        axes.plot(epochs, [layer["centroids"] for layer in history], color="tab:blue", linewidth=0.8)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        error = axes.twinx()
        error.plot(epochs, [layer["error"] for layer in history], color="tab:red", linewidth=1.2)
        error.set_yscale("log")
        error.tick_params(labelsize=7, colors="tab:red")
        axes.tick_params(labelsize=7)
    for axes in list(grid.flat)[len(layers) :]:
        axes.remove()
    figure.suptitle("centroids (blue) and mean squared quantization error (red)", fontsize=10)
    return figure
