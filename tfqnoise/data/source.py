"""What a source of pictures gives, and the registry of sources. One file per source.

A source is a function (recipe, argument) -> Source, where `argument` is what follows the colon in
`--dataset NAME:ARGUMENT`. A data set name that no source has is a TFDS name.
"""

import dataclasses

import numpy as np

from tfqnoise.errors import UsageError
from tfqnoise.hashing import keys_of
from tfqnoise.recipe import Recipe
from tfqnoise.registry import Registry

registry = Registry("data set", "tfqnoise.data.sources")
register = registry.register


@dataclasses.dataclass(frozen=True)
class Examples:
    """Labelled pictures.

    Attributes:
        ids: N strings that don't depend on order, shards or machine.
        images: uint8 [N, H, W, C].
        labels: int64 [N]; for several labels a picture [N, L] of 1, 0 and -1 (unknown).
        groups: N strings: pictures of one group, such as a person's, are held out together or not at all. Without
            them each picture stands by itself.
    """

    ids: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def keys(self) -> np.ndarray:
        """The 64-bit keys of the ids, uint64 [N]."""
        return keys_of(self.ids)

    def take(self, rows: np.ndarray) -> "Examples":
        """Returns the examples that an index or mask selects."""
        groups = None if self.groups is None else self.groups[rows]
        return Examples(self.ids[rows], self.images[rows], self.labels[rows], groups)

    def spread(self, count: int) -> "Examples":
        """Returns so many examples, evenly spread: those of folders begin with the first class alone.

        Args:
            count: all if there are no more than these.
        """
        return self.take(np.linspace(0, len(self) - 1, min(count, len(self))).astype(int))

    def sorted(self) -> "Examples":
        """Returns the examples in the order of their ids, in which tables have their rows."""
        return self.take(np.argsort(self.ids, kind="stable"))


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set.

    Attributes:
        class_names: C names, in the order of the labels.
        train: pictures to train on and to hold out for validation.
        test: pictures whose labels are never touched.
        flip: whether a mirrored picture keeps its meaning.
        pad: pixels by which the standard augmentation shifts at most.
        task: "single" (one label a picture) or "multi" (several, `class_names` names them).
        test_labels: what is known of the test labels: "clean", or "as given" where they may be as doubtful
            as the others.
        folds: how many the data set comes with; 1 where there is only one way to split it.
    """

    class_names: tuple[str, ...]
    train: Examples
    test: Examples
    flip: bool
    pad: int
    test_labels: str = "clean"
    task: str = "single"
    folds: int = 1


def load(recipe: Recipe) -> Source:
    """Loads the recipe's data set.

    Raises:
        DataError: if it is missing, unreadable or unusable.
        UsageError: for an unknown name, or a fold that it doesn't have.
    """
    name, _, argument = recipe.dataset.partition(":")
    if recipe.dataset == "digits" or (name in registry.entries() and name not in ("digits", "tfds")):
        source = registry.get(name)(recipe, argument)
    else:
        source = registry.get("tfds")(recipe, recipe.dataset)
    if recipe.fold > source.folds:
        raise UsageError(
            f"--fold {recipe.fold} for {recipe.dataset}, which comes in one split",
            "a data set with folds: disfa:ROOT or bp4d:ROOT",
            "leave --fold and --all-folds out; for networks that haven't seen a label use audit --folds",
        )
    return source
