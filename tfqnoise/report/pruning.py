"""Which filters were removed, and what it cost."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfqnoise.report import register
from tfqnoise.run import Run


@register(reference="-")
def pruning(run: Run) -> Any:
    """The filters that each group of layers had and has left; multiply-accumulates and test metric by pruning step.

    The metric is measured right before and right after the removal, before any further training.
    """
    if not (run.path / "pruning.json").exists():
        return None
    content = run.read_json("pruning.json")
    with run.expecting("pruning.json"):
        return _drawn(content["steps"])


def _drawn(steps: list[dict[str, Any]]) -> Any:
    groups, last = steps[0]["groups"], {row["group"]: row["units_after"] for row in steps[-1]["groups"]}
    names = [row["group"] for row in groups]
    figure = Figure(figsize=(10, max(3.5, 0.28 * len(groups) + 1)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    left.barh(names, [row["units_first"] for row in groups], color="lightgrey", label="at first")
    left.barh(names, [last[name] for name in names], color="tab:blue", label="left")
    # As the network is read, from the picture on.
    left.invert_yaxis()
    left.tick_params(axis="y", labelsize=8)
    left.set_xlabel("filters")
    left.legend(fontsize=8)
    numbers = [step["step"] for step in steps]
    metric = "test_accuracy" if "test_accuracy" in steps[0] else "test_f1"
    for key, label, style in ((f"{metric}_before", "before removal", "o"), (metric, "right after", "x")):
        right.plot(numbers, [step[key] for step in steps], color="tab:blue", marker=style, label=label)
    right.set(xlabel="pruning step", ylim=(0, 1), ylabel=metric.replace("_", " "))
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.legend(fontsize=8, loc="upper left")
    costs = right.twinx()
    million = [steps[0]["macs_before"] / 1e6, *(step["macs"] / 1e6 for step in steps)]
    costs.plot([0, *numbers], million, color="tab:red", drawstyle="steps-post")
    costs.set_ylim(0, 1.3 * million[0])
    costs.set_ylabel("million multiply-accumulates", color="tab:red")
    return figure
