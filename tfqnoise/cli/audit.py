"""`tfqnoise audit`."""

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
class Audit:
    """Find labels that are probably wrong: of a run, or of a data set, for which networks are trained first."""

    settings: tyro.conf.OmitArgPrefixes[Recipe]
    subject: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="RUN|DATA")] = None
    """A run directory, or a data set as --dataset takes it, such as folder:photos; the newest run if not given. A
    run is audited by its own recipe: the flags of training are for a data set."""
    folds: int | None = None
    """Train so many networks (2 to 20), each without one part of the labels, which it then judges. Without it a
    run's labels are judged by how they fared in its training; a data set takes 4."""
    method: str = "auto"
    """The method (`tfqnoise list audit`); `auto` takes the best that there is evidence for."""
    recipe: Path | None = None
    """For a data set: a saved recipe to start from; other flags override it."""
    run_dir: Path | None = None
    """For a data set: where the run is kept; runs/<time>-<dataset>-audit if not given."""

    @staticmethod
    def default(arguments: Sequence[str]) -> "Audit":
        """Returns what flags override: the saved recipe."""
        early = Early.parse(arguments)
        return Audit(Recipe.load(early.recipe) if early.recipe else Recipe())

    def __call__(self) -> None:
        subject = self._subject()
        backend.reserve((subject.recipe if isinstance(subject, Run) else subject).replicas)
        from tfqnoise.audit import audit

        audit(subject, folds=self.folds, method=self.method, run_dir=self.run_dir)

    def _subject(self) -> Run | Recipe:
        name = self.subject
        if name is not None and not Path(name, "recipe.json").is_file():
            if Path(name).is_dir() or name.startswith((".", "/", "runs/")):
                raise UsageError(
                    f"{name} is no run (it has no recipe.json) and no data set",
                    "a directory made by train, or a data set as --dataset takes it",
                    f"for a folder of pictures, one sub-folder a class, write folder:{name}",
                )
            return dataclasses.replace(self.settings, dataset=name)
        if name is None and self.recipe is not None:
            return self.settings
        run = Run.open_or_newest(Path(name) if name else None)
        usual = Recipe().to_dict()
        given = [flag for flag, value in self.settings.to_dict().items() if value != usual[flag]]
        given += [flag for flag in ("recipe", "run_dir") if getattr(self, flag) is not None]
        if given:
            flags = ", ".join(f"--{flag.replace('_', '-')}" for flag in given)
            raise UsageError(
                f"{flags} with the run {run.path}, which has a recipe of its own",
                "these flags with a data set only",
                "leave them out, or name a data set: tfqnoise audit folder:photos",
            )
        return run
