"""What a run says when it begins and when it ends, its plan.json and its summary.json."""

import dataclasses
import importlib.metadata
import math
import platform
import time
from typing import Any

import numpy as np

from tfqnoise import metrics
from tfqnoise.compression import plan
from tfqnoise.compression.forms import Form
from tfqnoise.data.dataset import Dataset
from tfqnoise.networks import cost
from tfqnoise.recipe import Recipe

_VERSIONS = (
    "tfqnoise",
    "tensorflow",
    "tf-keras",
    "tensorflow-model-optimization",
    "tensorflow-datasets",
    "numpy",
)


def beginning(
    recipe: Recipe, dataset: Dataset, network: Any, phases: list[plan.Phase], form: Form, whole: int
) -> str:
    """Returns what is about to be trained, on what, and how.

    Args:
        recipe: of the run.
        dataset: its data.
        network: the plain network.
        phases: its plan.
        form: the network as the last phase trains it.
        whole: the parameters of the network with all its filters.
    """
    record = dataset.record
    expected = record["expected_effective_rate"]
    lines = [
        f"{recipe.dataset}: {len(dataset.train)} training, {len(dataset.validation)} validation and "
        f"{len(dataset.test)} test pictures, {dataset.classes} {metrics.OUTPUTS[dataset.source.task]}",
        f"noise {record['kind']} {record['rate']:g}: {record['effective_rate_drawn']:.1%} of the labels "
        f"{_are(dataset)}" + (f" ({expected:.1%} expected)" if expected is not None else ""),
        *_replaced(dataset),
    ]
    if len(dataset.pool) > len(dataset.train):
        lines.append(f"{len(dataset.pool) - len(dataset.train)} more pictures without labels")
    if dataset.trusted is not None:
        lines.append(f"{len(dataset.trusted.rows)} labels are trusted")
    lines += _all_of_them(recipe, dataset)
    lines.append(
        f"{recipe.network}: {cost.parameters(network):,} parameters, {cost.macs(network):,} "
        "multiply-accumulates a picture"
    )
    if recipe.weights:
        lost = f", pruned from {whole:,} parameters" if whole > cost.parameters(network) else ""
        lines.append(f"begins with the weights of {recipe.weights}{lost}")
    lines += map(str, phases)
    return "\n".join([*lines, *([plan.table(form.layers)] if form.layers else [])])


def plan_of(phases: list[plan.Phase], form: Form) -> dict[str, Any]:
    """Returns the content of plan.json: the phases, and the layers as the last of them trains them."""
    return {
        "phases": [dataclasses.asdict(phase) for phase in phases],
        "layers": [dataclasses.asdict(layer) for layer in form.layers],
    }


def _all_of_them(recipe: Recipe, dataset: Dataset) -> list[str]:
    """Returns notes on flags that ask for more labels than there are, so for all."""
    notes, known = [], len(dataset.train) + len(dataset.validation)
    if recipe.labelled is not None and recipe.labelled > known:
        notes.append(
            f"note: --labelled {recipe.labelled} is more than the {known} labels that there are: all are used"
        )
    if dataset.trusted is not None and (recipe.trusted or "").isdecimal():
        wanted, counts = int(recipe.trusted or 0), np.bincount(dataset.train.examples.labels)
        short = int((counts < wanted).sum())
        if short:
            notes.append(
                f"note: --trusted {wanted} is more than {short} of {dataset.classes} classes have training pictures: "
                "all of theirs are trusted"
            )
    return notes


def _replaced(dataset: Dataset) -> list[str]:
    """Returns what --labels did, apart from the noise: corrections are none."""
    record = dataset.record
    if not record["labels"]:
        return []
    changed = record["labels_changed"]
    if not changed:
        return [
            f"note: --labels {record['labels']} changes no label trained on: it has none, or repeats those that are "
            "there (of an audit's table the rows with flagged = 1 count)"
        ]
    return [
        f"{record['labels']}: {changed} label{'s' * (changed > 1)} changed; now {record['effective_rate']:.1%} "
        f"{_are(dataset)}"
    ]


def _are(dataset: Dataset) -> str:
    # Whether what a folder or a table says is right, nobody knows.
    return "are wrong" if dataset.source.test_labels == "clean" else "are others than those given"


def of(
    recipe: Recipe, dataset: Dataset, network: Any, phases: list[plan.Phase], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    """Returns the content of summary.json.

    The best epoch is the best on the test pictures, which nobody may choose by; the selected one is the best on the
    validation pictures, whose labels are as noisy as those trained on; of equally good ones it is the last.

    Args:
        recipe: of the run.
        dataset: its data.
        network: the plain network.
        phases: its plan.
        rows: its epochs, as metrics.jsonl has them.
    """
    last, metric = rows[-1], metrics.HEADLINE[dataset.source.task]
    # The best of the network that the run ends with, not of the float one that it may have begun with.
    began = next(p.start for p in phases if p.form == phases[-1].form)
    final = [row for row in rows if row["epoch"] > began]
    # Of few validation pictures many epochs have equally many right, and the later one has learned for longer.
    selected = max(reversed(final), key=lambda row: row[f"validation_{metric}"])
    speeds = [row["images_per_second"] for row in rows if "images_per_second" in row]
    return {
        "metric": metric,
        f"test_{metric}_last": last[f"test_{metric}"],
        f"test_{metric}_best": max(row[f"test_{metric}"] for row in final),
        f"test_{metric}_selected": selected[f"test_{metric}"],
        "selected_epoch": selected["epoch"],
        "test_labels": dataset.source.test_labels,
        f"validation_{metric}_last": last[f"validation_{metric}"],
        "commonest_class": _commonest(dataset),
        "training_accuracy_last": last.get("accuracy"),
        "memorised_last": last.get("memorised"),
        "recovered_last": last.get("recovered"),
        "f1_per_label": {n: last[f"f1_{n}"] for n in dataset.source.class_names} if metric == "f1" else None,
        "images_per_second": float(np.median(speeds)) if speeds else None,
        "parameters": cost.parameters(network),
        "macs": cost.macs(network),
        "wall_seconds": math.fsum(row["seconds"] for row in rows),
        "epochs": len(rows),
        "seed": recipe.seed,
        "task": dataset.source.task,
        "input_shape": list(dataset.input_shape),
        "class_names": list(dataset.source.class_names),
        "recipe_hash": recipe.hash(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _VERSIONS},
        },
    }


def _commonest(dataset: Dataset) -> float | None:
    """Returns the share of the commonest class of the test pictures: what a network reaches that knows nothing."""
    labels = dataset.test.labels
    return float(np.bincount(labels).max() / len(labels)) if dataset.source.task == "single" else None


def _warning(commonest: float, trained: float | None) -> str:
    chance = f"WARNING: to call every picture by the commonest class is right for {commonest:.2%}: "
    if trained is None or metrics.no_better_than(commonest, trained):
        return (
            f"{chance}the network has learned next to nothing. Train longer, with a lower --learning-rate, or look "
            "at the data"
        )
    return (
        f"{chance}test pictures are hardly told apart, although {trained:.2%} of the labels trained on are met in "
        "the last epoch. Batch norm's averages may not have followed in so few steps: train longer or with a smaller "
        "--batch-size. Else the test pictures are too few or of another kind"
    )


def end(summary: dict[str, Any]) -> str:
    """Returns the result in words."""
    metric = summary["metric"]
    word = metrics.NAMES[metric]
    lines = [
        f"\ntest {word} ({summary['test_labels']} labels)  last {summary[f'test_{metric}_last']:.2%}, best "
        f"{summary[f'test_{metric}_best']:.2%}, selected on validation {summary[f'test_{metric}_selected']:.2%} "
        f"(epoch {summary['selected_epoch']})",
        f"validation {word} (noisy labels)  last {summary[f'validation_{metric}_last']:.2%}",
    ]
    if metric == "f1":
        each = summary["f1_per_label"].items()
        lines.append("F1 " + ", ".join(f"{name} {value:.1%}" for name, value in each))
    if summary["memorised_last"] is not None:
        lines.append(
            f"of the wrongly labelled training pictures: memorised {summary['memorised_last']:.1%}, "
            f"recovered {summary['recovered_last']:.1%}"
            if summary["test_labels"] == "clean"
            else f"of the training pictures with changed labels: {summary['memorised_last']:.1%} are taken for the "
            f"new one, {summary['recovered_last']:.1%} for the one that was given"
        )
    commonest = summary["commonest_class"]
    if commonest is not None and metrics.no_better_than(commonest, summary["test_accuracy_last"]):
        lines.append(_warning(commonest, summary["training_accuracy_last"]))
    return "\n".join(lines)
