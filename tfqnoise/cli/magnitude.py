"""`tfqnoise magnitude`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from tfqnoise import backend
from tfqnoise.cli.early import Early
from tfqnoise.errors import UsageError
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run

# A search is short runs.
_EPOCHS = 10


@dataclasses.dataclass(frozen=True)
class Magnitude:
    """Find the magnitude of augmentation that suits a network of this size, by a short run with each."""

    settings: tyro.conf.OmitArgPrefixes[Recipe]
    magnitudes: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Magnitudes to try, from 0 to 1."""
    recipe: Path | None = None
    """A saved recipe (a run's recipe.json) to start from; other flags override it, such as --epochs 5."""
    run_dir: Path | None = None
    """Where the runs and magnitude.json are kept; runs/<time>-<dataset>-magnitude if not given."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on with the search in --run-dir where it was stopped or killed."""

    @staticmethod
    def default(arguments: Sequence[str]) -> "Magnitude":
        """Returns what flags override: the saved recipe, or when resuming what the search began with."""
        early = Early.parse(arguments)
        if early.resume:
            if early.run_dir is None:
                raise UsageError("--resume without --run-dir", "the directory of the search", "name it by --run-dir")
            parent = Run(Path(early.run_dir))
            begun = parent.read_json("magnitude.json")
            with parent.expecting("magnitude.json"):
                return Magnitude(Recipe.from_dict(begun["recipe"]), tuple(begun["magnitudes"]), None, parent.path)
        if early.recipe is not None:
            return Magnitude(Recipe.load(early.recipe), recipe=Path(early.recipe))
        return Magnitude(Recipe(augmentation="rand_augment", epochs=_EPOCHS))

    def __call__(self) -> None:
        backend.reserve(self.settings.replicas)
        from tfqnoise.training.magnitudes import search

        search(self.settings, self.run_dir, magnitudes=self.magnitudes, resume=self.resume)
