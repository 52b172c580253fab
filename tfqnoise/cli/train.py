"""`tfqnoise train`."""

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


@dataclasses.dataclass(frozen=True)
class Train:
    """Train a network on labels that can't be trusted, compressing it while it learns."""

    settings: tyro.conf.OmitArgPrefixes[Recipe]
    recipe: Path | None = None
    """A run, or a saved recipe (its recipe.json), to start from; other flags override it."""
    run_dir: Path | None = None
    """Where the run is kept; runs/<time>-<dataset>-<network> if not given."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on with the run in --run-dir (the newest if not given) where it was stopped or killed."""
    seeds: int = 1
    """Train with so many seeds, from --seed on, and report mean and range; each run is kept in --run-dir/seed<n>."""
    baseline: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Train cross-entropy without strategy beside it, with the same schedule and seeds."""
    all_folds: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Train on each fold of a data set that comes with folds and report their mean; --run-dir/fold<k>-seed<n>."""
    max_macs: int | None = None
    """Remove as many filters (--pruning-ratio) as it takes to have at most so many multiply-accumulates a picture."""
    max_bytes: int | None = None
    """Remove as many filters as it takes for an exported model of at most so many bytes."""
    max_latency_ms: float | None = None
    """Remove as many filters as it takes for so many milliseconds a picture on this machine (LiteRT, one thread)."""
    target: str | None = None
    """Refuse to train what wouldn't fit this target (`tfqnoise list targets`) once it is exported."""

    @staticmethod
    def default(arguments: Sequence[str]) -> "Train":
        """Returns what flags override: the saved recipe, or when resuming the run's own."""
        early = Early.parse(arguments)
        if early.recipe is not None:
            return Train(Recipe.load(early.recipe), Path(early.recipe))
        several = _series(early)
        if several is not None:
            begun = Run(several.parent).read_json(several.name)
            with Run(several.parent).expecting(several.name):
                recipe = Recipe.from_dict(begun["recipe"])
                flags = (begun["seeds"], begun["baseline"], begun["all_folds"])
                return Train(recipe, None, several.parent, False, *flags)
        if early.resume:
            run = Run.open(early.run_dir) if early.run_dir else Run.newest()
            return Train(run.recipe, None, run.path)
        return Train(Recipe())

    def __call__(self) -> None:
        if not self.resume:
            # Before TensorFlow is loaded, which takes seconds.
            Run.refuse_existing(self.run_dir)
        settings = self.settings
        backend.reserve(settings.replicas)
        if any(limit is not None for limit in (self.max_macs, self.max_bytes, self.max_latency_ms)):
            if self.resume:
                raise UsageError(
                    "a budget with --resume",
                    "a run that goes on with the --pruning-ratio that its budget led to",
                    "leave --max-macs, --max-bytes and --max-latency-ms out",
                )
            from tfqnoise.benchmark.budget import Budget, within

            settings = within(settings, Budget(self.max_macs, self.max_bytes, self.max_latency_ms))
        if self.target is not None:
            from tfqnoise.export.check import check_recipe, refuse

            refuse(check_recipe(settings, self.target))
        begun = bool(self.resume and self.run_dir and (self.run_dir / "seeds.json").exists())
        if self.seeds != 1 or self.baseline or self.all_folds or begun:
            from tfqnoise.training.seeds import train_seeds

            train_seeds(
                settings,
                self.run_dir,
                seeds=self.seeds,
                baseline=self.baseline,
                all_folds=self.all_folds,
                resume=self.resume,
            )
            return
        from tfqnoise.training.train import train

        train(settings, self.run_dir, resume=self.resume)


def _series(early: Early) -> Path | None:
    """Returns the seeds.json of the series that is to be resumed; None for a run by itself.

    Without --run-dir it is the series that the newest run belongs to, if that isn't finished.
    """
    if not early.resume:
        return None
    if early.run_dir:
        found = Path(early.run_dir) / "seeds.json"
        return found if found.exists() else None
    found = Run.newest().path.parent / "seeds.json"
    return found if found.exists() and "figures" not in Run(found.parent).read_json(found.name) else None
