"""Evidence from what a run, or the networks of several folds, left behind."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfqnoise import assembly
from tfqnoise.audit.evidence import Evidence
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.data import splits
from tfqnoise.data.dataset import Dataset, Labelled
from tfqnoise.data.source import Examples
from tfqnoise.errors import DataError, RunError
from tfqnoise.limits import held_out_part
from tfqnoise.metrics import softmax
from tfqnoise.networks.predict import Predictor
from tfqnoise.run import Run

FILE = "examples.npz"


def of_run(run: Run, dataset: Dataset) -> tuple[Evidence, Labelled]:
    """Returns what a finished run saw of its training labels, and these examples in the same order.

    Args:
        run: a finished run of one label a picture.
        dataset: its data.

    Raises:
        RunError: if it isn't finished, is too old to have kept it, or a file is damaged.
        DataError: if the data aren't those that it was trained on.
    """
    if not (run.path / "summary.json").exists():
        raise RunError(
            f"{run.path} is not finished",
            "a finished run, or --folds 4 to train others by its recipe",
            f"finish it: python scripts/train.py --resume --run-dir {run.path}",
        )
    if not (run.path / FILE).exists():
        raise RunError(
            f"{run.path} has no {FILE}: it was trained by a version that didn't keep how each example fared",
            "a run that has it, or --folds 4, for which the recipe is enough",
            f"train it anew: python scripts/train.py --recipe {run.path / 'recipe.json'}",
        )
    labelled = dataset.train
    found = _examples(run, dataset.classes)
    rows = _rows(run, labelled, found)
    # Examples that never came by have no mean.
    unseen = np.flatnonzero(found["seen"] == 0)
    measured = {name: found[name].astype(np.float64) for name in ("margin", "loss", "table") if name in found}
    for values in measured.values():
        values[unseen] = np.nan
    labelled = labelled.take(rows)
    # A table is a better suggestion than what a network predicts for the labels that it has learned.
    fitted = None if "table" in found else _predicted(run, dataset, labelled.examples.images)
    return _evidence(dataset, labelled, run.recipe.seed, **measured, fitted=fitted), labelled


def of_folds(
    runs: Sequence[Run], dataset: Dataset, seed: int, report: Callable[[str], None]
) -> tuple[Evidence, Labelled]:
    """Returns what the networks of all folds say of all labelled pictures, and these examples in the same order.

    Each picture is predicted by the one network that hasn't seen it; margins, losses and tables are means over the
    others.

    Args:
        runs: finished, each with another part held out.
        dataset: the data with no part held out.
        seed: of the recipe.
        report: takes each message.

    Raises:
        RunError: if a file is damaged.
        DataError: if the data aren't those that they were trained on.
    """
    labelled = _joined(dataset.train, dataset.validation)
    count, classes = len(labelled), dataset.classes
    seen, tables = np.zeros(count), np.zeros(count)
    margin, loss, table = np.zeros(count), np.zeros(count), np.zeros((count, classes))
    probabilities = np.full((count, classes), np.nan)
    for run in runs:
        found = _examples(run, classes)
        rows = _rows(run, labelled, found)
        seen[rows] += found["seen"]
        margin[rows] += found["seen"] * found["margin"]
        loss[rows] += found["seen"] * found["loss"]
        if "table" in found:
            tables[rows] += found["seen"] > 0
            table[rows] += np.where(found["seen"][:, None] > 0, found["table"], 0)
        held = _held_out(run, labelled)
        if len(held):
            probabilities[held] = _predicted(run, dataset, labelled.examples.images[held])
        report(f"{run.path}: {len(held)} labels predicted by a network that hasn't seen them")
    with np.errstate(invalid="ignore"):
        means: dict[str, Any] = {"margin": margin / seen, "loss": loss / seen}
        if tables.any():
            means["table"] = table / tables[:, None]
    return _evidence(dataset, labelled, seed, **means, probabilities=probabilities), labelled


def _evidence(dataset: Dataset, labelled: Labelled, seed: int, **known: np.ndarray | None) -> Evidence:
    names = tuple(dataset.source.class_names)
    return Evidence(labelled.examples.ids, labelled.given, names, seed, **known)


def _examples(run: Run, classes: int) -> dict[str, np.ndarray]:
    found = run.read_arrays(FILE)
    with run.expecting(FILE):
        count = len(found["ids"])
        for name in ("ids", "given", "seen", "margin", "loss"):
            if found[name].shape != (count,):
                raise ValueError(f"{name} has the shape {found[name].shape}, not ({count},)")
        if "table" in found and found["table"].shape != (count, classes):
            raise ValueError(f"table has the shape {found['table'].shape}, not ({count}, {classes})")
        for name in ("seen", "margin", "loss", "table"):
            if name in found and found[name].dtype.kind != "f":
                raise ValueError(f"{name} has the type {found[name].dtype}")
    return found


def _rows(run: Run, labelled: Labelled, found: dict[str, np.ndarray]) -> np.ndarray:
    """Returns the rows of `labelled` that a file of examples is about, int64 [M]."""
    places = {name: row for row, name in enumerate(labelled.examples.ids.tolist())}
    rows = np.array([places.get(name, -1) for name in found["ids"].tolist()], np.int64)
    if len(rows) and (rows.min() < 0 or (labelled.given[rows] != found["given"]).any()):
        raise DataError(
            f"the pictures or labels are not those that {run.path} was trained on",
            f"the ids and labels of its {FILE}",
            "put the data back as they were, or train on them anew and audit that run",
        )
    return rows


def _held_out(run: Run, labelled: Labelled) -> np.ndarray:
    part, parts = held_out_part(run.recipe.held_out) or (0, 1)
    rows = Examples(labelled.examples.ids, np.arange(len(labelled)), labelled.given)
    return splits.parts(rows, part, parts)[1].images


def _joined(first: Labelled, second: Labelled) -> Labelled:
    """Returns the examples of both in the order of their ids."""
    parts = (first.examples, second.examples)
    ids, images, labels = (np.concatenate([getattr(p, n) for p in parts]) for n in ("ids", "images", "labels"))
    joined = Labelled(Examples(ids, images, labels), np.concatenate([first.given, second.given]))
    return joined.take(np.argsort(ids, kind="stable"))


def _predicted(run: Run, dataset: Dataset, images: np.ndarray) -> np.ndarray:
    """Returns the probabilities that a run's network gives, float64 [N, C], as its exported model would."""
    network = assembly.restored(run, dataset.input_shape, dataset.classes).network
    settle(network)
    return softmax(Predictor(network)(images))
