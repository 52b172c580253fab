"""How a run learned."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfqnoise.report import register
from tfqnoise.run import Run

_CURVES = {
    "test_accuracy": ("test accuracy", "tab:blue"),
    "validation_accuracy": ("validation accuracy (given labels)", "tab:cyan"),
    "test_f1": ("test mean F1", "tab:blue"),
    "validation_f1": ("validation mean F1 (given labels)", "tab:cyan"),
    "memorised": ("wrong labels memorised", "tab:red"),
    "recovered": ("true labels recovered", "tab:green"),
}


@register(reference="-")
def training(run: Run) -> Any:
    """Accuracies and memorisation, epoch by epoch; dashed lines where one phase of the plan follows another."""
    if not (run.path / "metrics.jsonl").exists():
        return None
    with run.expecting("metrics.jsonl"):
        rows = run.read_lines("metrics.jsonl")
        epochs = [row["epoch"] for row in rows]
        # Pre-training knows no accuracy.
        curves = {name: [float(row.get(name, "nan")) for row in rows] for name in _CURVES if name in rows[-1]}
    with run.expecting("plan.json"):
        starts = [int(phase["start"]) for phase in run.read_json("plan.json")["phases"][1:]]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, values in curves.items():
        label, color = _CURVES[name]
        axes.plot(epochs, values, color=color, marker=".", label=label)
    for start in starts:
        axes.axvline(start + 0.5, color="grey", linestyle="--", linewidth=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylim(0, 1)
    axes.legend(fontsize=8)
    return figure
