"""What a run trains on: the source, split and relabelled as the recipe says."""

import dataclasses
import hashlib
from typing import Any

import numpy as np

from tfqnoise import noise
from tfqnoise.data import source as sources
from tfqnoise.data.source import Examples, Source
from tfqnoise.data.splits import hold_out
from tfqnoise.errors import DataError
from tfqnoise.noise.transition import draw
from tfqnoise.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Labelled:
    """Examples with the labels that training sees.

    Attributes:
        examples: the pictures, with the labels of the source.
        given: int64 [N], the labels after noise.
    """

    examples: Examples
    given: np.ndarray

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def wrong(self) -> np.ndarray:
        """Which given labels differ from the source's, bool [N]."""
        return self.given != self.examples.labels


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A run's data.

    Attributes:
        source: where they come from.
        train: in the order of their ids, so row r of a table per example is always the same example.
        validation: held out from training, as noisy as it.
        test: with the source's own labels.
        record: the content of noise.json.
    """

    source: Source
    train: Labelled
    validation: Labelled
    test: Examples
    record: dict[str, Any]

    @property
    def classes(self) -> int:
        return len(self.source.class_names)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        height, width, channels = self.train.examples.images.shape[1:]
        return height, width, channels


def load(recipe: Recipe) -> Dataset:
    """Loads, splits and relabels the recipe's data set.

    Raises:
        DataError: if it is missing, unreadable, or a class has no picture to train on.
        UsageError: for an unknown data set or noise kind.
    """
    kind = noise.get(recipe.noise_kind, rate=recipe.noise)
    source = sources.load(recipe)
    classes = len(source.class_names)
    if classes < 2:
        raise DataError(f"{recipe.dataset} has {classes} class", "at least 2", "add pictures of a second class")
    matrix = kind.transition(classes)
    train, validation = (
        Labelled(part, draw(matrix, part.keys, part.labels, recipe.seed))
        for part in map(Examples.sorted, hold_out(source.train, recipe.validation, "validation"))
    )
    _check(recipe, source, train.examples, validation.examples)
    record = _record(recipe, matrix, train, validation)
    return Dataset(source, train, validation, source.test.sorted(), record)


def _check(recipe: Recipe, source: Source, train: Examples, validation: Examples) -> None:
    counts = np.bincount(train.labels, minlength=len(source.class_names))
    missing = [name for name, count in zip(source.class_names, counts, strict=True) if not count]
    if missing:
        raise DataError(
            f"{recipe.dataset} has no training picture of: {', '.join(missing[:20])}",
            "at least one of each class after validation and test pictures are held out",
            "add pictures of these classes or remove them",
        )
    for name, part in (("validation", validation), ("test", source.test)):
        if not len(part):
            raise DataError(
                f"{recipe.dataset} leaves no {name} picture beside {len(train)} to train on",
                "at least one",
                "add pictures" + (", or raise --validation" if name == "validation" else ""),
            )


def _record(recipe: Recipe, matrix: np.ndarray, train: Labelled, validation: Labelled) -> dict[str, Any]:
    true = np.concatenate([train.examples.labels, validation.examples.labels])
    given = np.concatenate([train.given, validation.given])
    ids = np.concatenate([train.examples.ids, validation.examples.ids])
    counts = np.zeros(matrix.shape)
    np.add.at(counts, (true, given), 1)
    lines = "".join(f"{i}\t{label}\n" for i, label in sorted(zip(ids, given.tolist(), strict=True)))
    return {
        "kind": recipe.noise_kind,
        "rate": recipe.noise,
        "seed": recipe.seed,
        "expected_effective_rate": float(1 - np.bincount(true) @ np.diag(matrix) / len(true)),
        "effective_rate": float(np.mean(true != given)),
        "effective_rate_train": float(np.mean(train.wrong)),
        "effective_rate_validation": float(np.mean(validation.wrong)),
        "relative_to": "the labels of the source",
        "transition_matrix": (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).tolist(),
        "examples": len(true),
        "labels_sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }
