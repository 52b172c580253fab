"""Runs that belong together: run directories in one directory, with a file that says what they are and came to."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tfqnoise.backend import keras
from tfqnoise.errors import RunError, TfqnoiseError
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run
from tfqnoise.training.session import Session
from tfqnoise.training.train import train


@dataclasses.dataclass(frozen=True)
class Series:
    """Trains the runs of a directory, and after an interruption those that are left.

    Args:
        parent: the directory.
        file: name of its file.
        asked: what the runs follow from, the first content of the file.
        flags: what that is in words, such as "the same recipe and --seeds".
        report: takes each message.
    """

    parent: Run
    file: str
    asked: dict[str, Any]
    flags: str
    report: Callable[[str], None]

    @contextlib.contextmanager
    def begun(self, resume: bool) -> Iterator[None]:
        """Takes the directory, and gives it free again where not even the first run could begin.

        Args:
            resume: go on with what is there.

        Raises:
            RunError: if the directory holds other runs.
        """
        self._begin(resume)
        try:
            yield
        except TfqnoiseError:
            if not list(self.parent.path.glob("*/recipe.json")):
                (self.parent.path / self.file).unlink(missing_ok=True)
            raise

    def _begin(self, resume: bool) -> None:
        parent = self.parent
        if not (parent.path / self.file).exists():
            Run.refuse_existing(parent.path)
            parent.write_json(self.file, self.asked)
            return
        before = parent.read_json(self.file)
        if not resume:
            raise RunError(
                f"{parent.path} already holds a series of runs",
                "a directory without runs",
                "choose another --run-dir, or go on with these by --resume",
            )
        if any(before.get(name) != value for name, value in self.asked.items()):
            raise RunError(
                f"the flags differ from those that {parent.path} began with",
                self.flags,
                "leave the flags out, or start anew in another --run-dir",
            )

    def train(self, name: str, recipe: Recipe) -> Run:
        """Returns a finished run: one that is finished already, gone on with, or new.

        Args:
            name: of its directory.
            recipe: of the run.
        """
        path: Path = self.parent.path / name
        self.report(f"\n== {path}")
        if not (path / "recipe.json").exists():
            run = train(recipe, path, report=self.report)
        else:
            run = Run.open(path)
            # A finished run needs no data set to be loaded.
            if not (path / "summary.json").exists():
                run = Session(run.recipe, self.report).go(run)
        # What a run leaves in the session of Keras slows the next one down.
        keras.backend.clear_session()
        return run
