"""What a command is about: a .tflite file, or a run for its exported model."""

import dataclasses
import shlex
from collections.abc import Callable
from pathlib import Path

from tfqnoise.errors import RunError, UsageError
from tfqnoise.run import Run


@dataclasses.dataclass(frozen=True)
class Subject:
    """A .tflite file, or a run.

    Attributes:
        path: the file, or the run directory.
        run: the run; None for a file that was named by itself.
    """

    path: Path
    run: Run | None = None

    @classmethod
    def of(cls, named: "Subject | Run | Path | None") -> "Subject":
        """Returns what somebody named: a .tflite file, a run or its directory; the newest run if nothing.

        Raises:
            RunError: if there is no run in a directory.
        """
        if isinstance(named, Subject):
            return named
        # Whether it is a model, or is there at all, is found when it is loaded.
        if isinstance(named, Path) and not _directory(named):
            return cls(named)
        run = named if isinstance(named, Run) else Run.open_or_newest(named)
        return cls(run.path, run)

    @property
    def exported(self) -> bool:
        """Whether there is a model."""
        return self.run is None or _exported(self.run, "model").exists()

    def model(self, target: str | None = None, report: Callable[[str], None] | None = None) -> Path:
        """Returns the path of the model.

        Args:
            target: to export for, where that is told.
            report: is told if the model isn't that of the run's weights.

        Raises:
            RunError: if the run isn't exported.
        """
        path = self.path if self.run is None else exported(self.run, target)
        if report is not None and self.outdated:
            report(self.outdated)
        return path

    @property
    def outdated(self) -> str:
        """That the model isn't that of the run's weights, in words; "" if it is, or for a file by itself."""
        said = "" if self.run is None else self.run.outdated()
        return f"WARNING: {said}" if said else ""

    def whole_run(self, what: str) -> Run:
        """Returns the run.

        Args:
            what: needs one, such as "--target step".

        Raises:
            UsageError: for a file.
        """
        if self.run is None:
            raise UsageError(
                f"{what} with {self.path}, which is no run directory",
                "a run directory, for its recipe and its data",
                "name the run, or train one: python scripts/train.py",
            )
        return self.run


def exported(run: Run, target: str | None = None, name: str = "model") -> Path:
    """Returns the path of a model that a run's export has written.

    Args:
        run: the run.
        target: to export for, where that is told.
        name: "model", or "model_float" for its form before quantization.

    Raises:
        RunError: if it isn't there.
    """
    path = _exported(run, name)
    if not path.is_file():
        command = ["python", "scripts/export_tflite.py", str(run.path), *(["--target", target] if target else [])]
        raise RunError(f"{path} is missing", "an exported run", f"export it first: {shlex.join(command)}")
    return path


def _exported(run: Run, name: str) -> Path:
    return run.path / "export" / f"{name}.tflite"


def _directory(path: Path) -> bool:
    # What isn't there is taken for a run, unless it is called like a file.
    return path.suffix != ".tflite" and (path.is_dir() or not (path.suffix or path.exists()))
