"""What a run trains on: the source, split and relabelled as the recipe says."""

import dataclasses
import hashlib
import inspect
from typing import Any

import numpy as np

from tfqnoise import label_file, noise
from tfqnoise.data import source as sources
from tfqnoise.data import splits
from tfqnoise.data.label_weights import label_weights
from tfqnoise.data.source import Examples, Source
from tfqnoise.errors import DataError, UsageError, listed
from tfqnoise.limits import held_out_part
from tfqnoise.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Labelled:
    """Examples with the labels that training sees.

    Attributes:
        examples: the pictures, with the labels of the source.
        given: int64 [N] or [N, L], the labels after noise.
    """

    examples: Examples
    given: np.ndarray

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def wrong(self) -> np.ndarray:
        """Which given labels differ from the source's, bool [N]; of several labels a picture, whether any does."""
        differs = self.given != self.examples.labels
        return differs if differs.ndim == 1 else differs.any(axis=1)

    def take(self, rows: np.ndarray) -> "Labelled":
        """Returns the examples that an index or mask selects."""
        return Labelled(self.examples.take(rows), self.given[rows])

    def representative(self, count: int) -> np.ndarray:
        """Returns the rows of a representative set: equally many of each given label, chosen by their ids alone.

        Args:
            count: how many pictures; fewer where a label has not enough. Of several labels a picture none is
                preferred.
        """
        given = self.given
        groups = [np.arange(len(self))] if given.ndim > 1 else [np.flatnonzero(given == k) for k in np.unique(given)]
        share = -(-count // len(groups))
        chosen = [splits.first(self.examples.take(rows), share)[0].ids for rows in groups]
        return np.flatnonzero(np.isin(self.examples.ids, np.concatenate(chosen)))


@dataclasses.dataclass(frozen=True)
class Trusted:
    """Training examples whose labels are known to be right.

    Attributes:
        rows: int64 [M], their rows in the training examples.
        labels: int64 [M].
    """

    rows: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A run's data.

    Attributes:
        source: where they come from.
        train: in the order of their ids, so row r of a table per example is always the same example.
        validation: held out from training, as noisy as it.
        test: with the source's own labels.
        record: the content of noise.json.
        pool: pictures for pre-training: those of `train`, and with --labelled those whose labels aren't used.
        held_out: what --held-out left out; empty without it.
        trusted: the --trusted labels.
    """

    source: Source
    train: Labelled
    validation: Labelled
    test: Examples
    record: dict[str, Any]
    pool: Examples
    held_out: Labelled
    trusted: Trusted | None = None

    @property
    def classes(self) -> int:
        return len(self.source.class_names)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        height, width, channels = self.train.examples.images.shape[1:]
        return height, width, channels

    @property
    def label_weights(self) -> np.ndarray:
        """What each of L labels a picture weighs in the loss, float32 [L]: 1/rate among the given ones, of mean 1."""
        return label_weights(self.train.given, self.source.class_names)


def load(recipe: Recipe) -> Dataset:
    """Loads, splits and relabels the recipe's data set.

    Raises:
        DataError: if it is missing, unreadable, or a class has no picture to train on.
        UsageError: for an unknown data set or noise kind, or flags that don't go with it.
    """
    settings = _noise_settings(recipe)
    kind = noise.get(recipe.noise_kind, **settings)
    source = sources.load(recipe)
    classes = len(source.class_names)
    if classes < 2 and source.task == "single":
        raise DataError(f"{recipe.dataset} has {classes} class", "at least 2", "add pictures of a second class")
    if source.task != "single" and recipe.labels:
        raise UsageError(
            f"--labels with several labels a picture ({recipe.dataset})",
            "one label a picture",
            "change the labels in the data set's own files",
        )
    drawn = _drawn(recipe, kind, source)
    everything = Labelled(source.train, _corrected(recipe, source, drawn))
    part, parts = held_out_part(recipe.held_out) or (0, 0)
    kept, held_out = _split(everything, lambda e: splits.parts(e, part, parts)) if parts else (everything, None)
    rest = None
    if recipe.labelled is not None:
        count = recipe.labelled
        kept, rest = _split(kept, lambda e: splits.first(e, count))
    train, validation = _split(kept, lambda e: splits.hold_out(e, recipe.validation, "validation"))
    _check(recipe, source, train, validation.examples)
    pool = _joined(train.examples, rest.examples) if rest is not None else train.examples
    return Dataset(
        source,
        train,
        validation,
        source.test.sorted(),
        _record(recipe, kind, source, Labelled(source.train, drawn), train, validation),
        pool,
        held_out if held_out is not None else everything.take(np.zeros(len(everything), bool)),
        _trusted(recipe, source, train),
    )


def _noise_settings(recipe: Recipe) -> dict[str, Any]:
    """Returns what the flags say to the kind of noise, and refuses those that it doesn't take."""
    entry = noise.registry.entry(str(noise.registry.parse(recipe.noise_kind)["name"]))
    taken = inspect.signature(entry.factory).parameters
    flags = {"rate": recipe.noise or None, "file": recipe.noise_file, "labels": recipe.noise_labels}
    names = {"rate": "--noise", "file": "--noise-file", "labels": "--noise-labels"}
    for name, value in flags.items():
        if value is not None and name not in taken:
            raise UsageError(
                f"{names[name]} {value} with --noise-kind {entry.name}",
                f"no {names[name]}: {entry.summary[:1].lower()}{entry.summary[1:].removesuffix('.')}",
                f"leave {names[name]} out, or choose another kind (tfqnoise list noise)",
            )
        if value is None and name == "file" and name in taken and taken[name].default is inspect.Parameter.empty:
            raise UsageError(f"--noise-kind {entry.name} without --noise-file", "the file that it reads", "name it")
    given = {name: value for name, value in flags.items() if value is not None}
    return {"rate": recipe.noise, **given} if "rate" in taken else given


def _drawn(recipe: Recipe, kind: Any, source: Source) -> np.ndarray:
    """Returns the labels of all training pictures of the source after noise, before --labels."""
    train = source.train
    if kind.task == source.task:
        truth = noise.Truth(train.ids, train.labels, train.images, source.class_names)
        given: np.ndarray = kind.given(truth, recipe.seed)
        return given
    if recipe.noise or recipe.noise_kind != Recipe.noise_kind:
        raise UsageError(
            f"--noise-kind {recipe.noise_kind} with {recipe.dataset}, which has "
            + ("one label" if source.task == "single" else "several labels")
            + " a picture",
            f"a kind for a {source.task}-label data set",
            "choose --noise-kind multilabel" if source.task == "multi" else "see tfqnoise list noise",
        )
    return train.labels


def _corrected(recipe: Recipe, source: Source, drawn: np.ndarray) -> np.ndarray:
    """Returns the labels as training sees them: those of --labels in the place of the others."""
    if not recipe.labels:
        return drawn
    return label_file.replaced(recipe.labels, source.train.ids, drawn, source.class_names)


def _split(labelled: Labelled, split: Any) -> tuple[Labelled, Labelled]:
    """Splits examples, and their labels with them, each part in the order of ids."""
    rows = dataclasses.replace(labelled.examples, images=np.arange(len(labelled)))
    first, second = (labelled.take(part.sorted().images) for part in split(rows))
    return first, second


def _joined(first: Examples, second: Examples) -> Examples:
    grouped = first.groups is not None and second.groups is not None
    return Examples(
        np.concatenate([first.ids, second.ids]),
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]),
        np.concatenate([first.groups, second.groups]) if grouped else None,
    ).sorted()


def _trusted(recipe: Recipe, source: Source, train: Labelled) -> Trusted | None:
    if not recipe.trusted:
        return None
    examples = train.examples
    if source.task != "single":
        raise UsageError("--trusted with several labels a picture", "one label a picture", "leave --trusted out")
    if not recipe.trusted.isdecimal():
        found = label_file.read(recipe.trusted, source.class_names)
        known = np.concatenate([source.train.ids, source.test.ids])
        strange = sorted(set(found) - set(known.tolist()))
        if strange:
            raise DataError(
                f"--trusted {recipe.trusted} names {len(strange)} ids that no picture has, such as '{strange[0]}'",
                f"ids such as '{examples.ids[0]}'",
                "make the file for this data set",
            )
        rows = np.flatnonzero(np.isin(examples.ids, list(found)))
        if not len(rows):
            raise DataError(
                f"--trusted {recipe.trusted} names no training picture",
                f"ids such as '{examples.ids[0]}'",
                "check its ids; pictures held out for validation or test don't count",
            )
        return Trusted(rows, np.array([found[i] for i in examples.ids[rows].tolist()], np.int64))
    if source.test_labels != "clean":
        raise UsageError(
            f"--trusted {recipe.trusted} with {recipe.dataset}, whose labels are as doubtful as they are given",
            "a CSV with the ids and labels that somebody has checked",
            "write one (id,label; an id is the picture's path) and pass --trusted FILE",
        )
    order = [
        splits.first(examples.take(examples.labels == number), int(recipe.trusted))[0].ids
        for number in range(len(source.class_names))
    ]
    rows = np.flatnonzero(np.isin(examples.ids, np.concatenate(order)))
    return Trusted(rows, examples.labels[rows])


def _check(recipe: Recipe, source: Source, train: Labelled, validation: Examples) -> None:
    labels = train.examples.labels
    multi = source.task == "multi"
    counts = (labels == 1).sum(axis=0) if multi else np.bincount(labels, minlength=len(source.class_names))
    missing = [name for name, count in zip(source.class_names, counts, strict=True) if not count]
    if missing:
        raise DataError(
            f"{recipe.dataset} has no training picture of: {listed(missing[:20])}",
            "at least one of each class after validation and test pictures are held out",
            "add pictures of these classes or remove them" + (", or raise --labelled" if recipe.labelled else ""),
        )
    for name, part in (("validation", validation), ("test", source.test)):
        if not len(part):
            raise DataError(
                f"{recipe.dataset} leaves no {name} picture beside {len(train)} to train on",
                "at least one",
                "add pictures" + (", or raise --validation" if name == "validation" else ""),
            )


def _record(
    recipe: Recipe, kind: Any, source: Source, drawn: Labelled, train: Labelled, validation: Labelled
) -> dict[str, Any]:
    true = np.concatenate([train.examples.labels, validation.examples.labels])
    given = np.concatenate([train.given, validation.given])
    ids = np.concatenate([train.examples.ids, validation.examples.ids])
    lines = "".join(f"{i}\t{label}\n" for i, label in sorted(zip(ids, given.tolist(), strict=True)))
    known = true >= 0
    order = np.argsort(drawn.examples.ids, kind="stable")
    before = drawn.given[order[np.searchsorted(drawn.examples.ids, ids, sorter=order)]]
    expected = None
    if kind.task == source.task:
        # No kind needs pictures for it, and there may be gigabytes of them.
        expected = kind.expected_rate(noise.Truth(ids, true, train.examples.images[:0], source.class_names))

    def rate(part: Labelled) -> float:
        labels = part.examples.labels
        return float(np.mean((part.given != labels)[labels >= 0]))

    return {
        "kind": recipe.noise_kind,
        "settings": noise.registry.to_dict(kind) if kind.task == source.task else None,
        "rate": recipe.noise,
        "file": recipe.noise_file,
        "labels": recipe.labels,
        "seed": recipe.seed,
        "expected_effective_rate": expected,
        "effective_rate_drawn": float(np.mean((true != before)[known])),
        "labels_changed": int(np.sum(before != given)),
        "effective_rate": float(np.mean((true != given)[known])),
        "effective_rate_train": rate(train),
        "effective_rate_validation": rate(validation),
        "relative_to": "the labels of the source",
        "transition_matrix": _matrix(true, given, len(source.class_names)) if source.task == "single" else None,
        "examples": len(true),
        "labels_sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }


def _matrix(true: np.ndarray, given: np.ndarray, classes: int) -> list[list[float]]:
    counts = np.zeros((classes, classes))
    np.add.at(counts, (true, given), 1)
    return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)).tolist()
