"""The run directory: everything a run made. Each command takes one, adds to it and needs nothing else.

    recipe.json      what was asked            checkpoint.npz  all that training needs to go on
    noise.json       how labels were changed   weights.npz     the network as last evaluated
    plan.json        what each layer became    summary.json    the result
    metrics.jsonl    one line per epoch        examples.npz    how each training example fared
    confusion.json   what is taken for what    export/ benchmark/ audit/ report/

Files appear whole or not at all: each is written under a temporary name, flushed and renamed.
"""

import contextlib
import fcntl
import json
import os
import re
import shlex
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tfqnoise.errors import RunError
from tfqnoise.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np

ROOT = Path("runs")
_UNFINISHED = ".unfinished"


class Run:
    """One run directory. Build it with `create`, `open` or `newest`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, recipe: Recipe, path: str | os.PathLike[str] | None = None) -> "Run":
        """Makes a run directory and writes the recipe into it.

        Args:
            recipe: what the run will do.
            path: the directory; `runs/<time>-<dataset>-<network>` if not given.

        Raises:
            RunError: if the directory already holds a run or can't be written.
        """
        run = cls(Path(path) if path else cls.fresh(recipe))
        try:
            # Of two processes that want one directory, one makes the file.
            run.write_json("recipe.json", recipe.to_dict(), publish=os.link)
        except FileExistsError:
            raise cls._occupied(run.path) from None
        return run

    @classmethod
    def refuse_existing(cls, path: str | os.PathLike[str] | None) -> None:
        """Raises RunError if a directory already holds a run, before anything is prepared for it."""
        if path and (Path(path) / "recipe.json").exists():
            raise cls._occupied(Path(path))

    @staticmethod
    def _occupied(path: Path) -> RunError:
        return RunError(
            f"{path} already holds a run",
            "a directory without one",
            "choose another --run-dir, or go on with this run by --resume",
        )

    @staticmethod
    def fresh(recipe: Recipe, what: str | None = None) -> Path:
        """Returns `runs/<time>-<dataset>-<what>`, or that with a number behind it where it is taken.

        Args:
            recipe: names the data set.
            what: the network if not given.
        """
        dataset = recipe.dataset.split(":")[0].replace("/", "-")
        # A network may be JSON text with settings; its name is the first word that isn't "name".
        network = next((w for w in re.findall(r"\w+", recipe.network) if w != "name"), "network")
        stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{dataset}-{what or network}"
        candidates = (ROOT / (stem + suffix) for suffix in ("", *(f"-{n}" for n in range(2, 1000))))
        return next(path for path in candidates if not path.exists())

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "Run":
        """Opens an existing run.

        Raises:
            RunError: if there is no run in the directory.
        """
        run = cls(Path(path))
        if not (run.path / "recipe.json").is_file():
            if members := list(map(str, _members(run.path))):
                raise RunError(
                    f"{run.path} is no run, but holds {len(members)} of them",
                    "one run",
                    f"name one: {', '.join(members)}",
                )
            raise RunError(
                f"no run in {run.path} (it has no recipe.json)",
                "a directory made by train",
                "check the path, or train first: python scripts/train.py --run-dir " + str(run.path),
            )
        return run

    @classmethod
    def open_all(cls, path: str | os.PathLike[str]) -> "list[Run]":
        """Opens the run in a directory, or where it holds a series (`tfqnoise.training.seeds`) all of its runs.

        Raises:
            RunError: if there is none.
        """
        members = _members(Path(path))
        own = (Path(path) / "recipe.json").is_file()
        return [cls.open(path)] if own or not members else [cls.open(member) for member in members]

    @classmethod
    def newest(cls) -> "Run":
        """Opens the newest run under `runs/`.

        Raises:
            RunError: if there is none.
        """
        patterns = ("*", "*/seed*", "*/fold*")
        found = [path for pattern in patterns for path in ROOT.glob(f"{pattern}/recipe.json")]
        recipes = sorted(found, key=lambda p: (p.stat().st_mtime_ns, str(p)))
        if not recipes:
            raise RunError(
                f"no run under {ROOT.resolve()}",
                "at least one, because no run directory was named",
                "train first (python scripts/train.py --noise 0.4 --bits 8), or name a run directory",
            )
        return cls(recipes[-1].parent)

    @classmethod
    def open_or_newest(cls, path: Path | None) -> "Run":
        """Opens the run at a path, or without one the newest."""
        return cls.open(path) if path else cls.newest()

    @property
    def recipe(self) -> Recipe:
        return Recipe.load(self.path / "recipe.json")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for this process; the system lets go of it however the process ends.

        Raises:
            RunError: if another process holds it.
        """
        with _explained(self.path):
            file = open(self.path / ".lock", "a")  # noqa: SIM115
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"{self.path} is in use by another process",
                    "one process per run directory",
                    "wait for it to end, or choose another --run-dir",
                ) from None
            # What a killed process was writing has no name yet and never gets one.
            for leftover in self.path.rglob(f"*{_UNFINISHED}"):
                leftover.unlink(missing_ok=True)
            yield

    def check_writable(self, folder: str) -> None:
        """Refuses a folder that can't be written, before what is to be kept there is worked out. Leaves nothing.

        Args:
            folder: its path inside the run; where there is none yet, that in which it will be made counts.

        Raises:
            RunError: if nothing can be written there.
        """
        place = self.path / folder
        nearest = next(path for path in (place, *place.parents) if path.exists())
        with _explained(place), tempfile.TemporaryFile(dir=nearest):
            pass

    def write(
        self, name: str, fill: Callable[[IO[bytes]], Any], publish: Callable[[str, Path], None] = os.replace
    ) -> Path:
        """Writes one file whole or not at all.

        Args:
            name: the file's path inside the run.
            fill: writes the content into the open binary file it is given.
            publish: gives the finished file its name; `os.link` refuses where `os.replace` replaces.

        Raises:
            FileExistsError: from `os.link`, if the file is there already.
            RunError: if the disk is full or the directory can't be written; an older file stays as it was.
        """
        target = self.path / name
        with _explained(target):
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except FileExistsError as error:
                raise NotADirectoryError(error.errno, "a file is in the way", str(target.parent)) from error
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=_UNFINISHED)
            try:
                with os.fdopen(handle, "wb") as file:
                    fill(file)
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o644)
                publish(temporary, target)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
        return target

    def write_bytes(self, name: str, content: bytes, **how: Any) -> Path:
        return self.write(name, lambda file: file.write(content), **how)

    def write_json(self, name: str, content: Any, **how: Any) -> Path:
        text = json.dumps(content, indent=2, allow_nan=False) + "\n"
        return self.write_bytes(name, text.encode(), **how)

    def write_lines(self, name: str, rows: list[dict[str, Any]]) -> Path:
        return self.write_bytes(name, "".join(json.dumps(row) + "\n" for row in rows).encode())

    def write_arrays(self, name: str, arrays: Mapping[str, "np.ndarray"]) -> Path:
        import numpy as np

        return self.write(name, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]

    def read_json(self, name: str) -> Any:
        """Reads a JSON file of the run.

        Raises:
            RunError: if it is missing or damaged.
        """
        return self._read(name, lambda path: json.loads(path.read_text(encoding="utf-8")))

    def outdated(self, epoch: int | None = None) -> str:
        """Returns in words that the exported model isn't that of the run's weights; "" if it is, or there is none.

        Args:
            epoch: that the weights are of; that of weights.npz if None.

        Raises:
            RunError: if the export's report or the weights are damaged.
        """
        files = ["export/report.json", *(["weights.npz"] if epoch is None else [])]
        if not all((self.path / name).exists() for name in files):
            return ""
        if epoch is None:
            epoch = int(self.read_arrays("weights.npz").get("epoch", self.recipe.epochs))
        report = self.read_json("export/report.json")
        with self.expecting("export/report.json"):
            exported = int(report["epoch"])
        if exported == epoch:
            return ""
        again = shlex.join(["python", "scripts/export_tflite.py", str(self.path)])
        return (
            f"the exported model of {self.path} is of epoch {exported}, its weights of epoch {epoch}: "
            f"export it anew ({again})"
        )

    @contextlib.contextmanager
    def expecting(self, name: str) -> Iterator[None]:
        """Says which file it was if what it holds lacks what is looked for in it.

        Raises:
            RunError: if a field or a row is missing or of another type.
        """
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise RunError(
                f"{self.path / name} lacks what belongs into it ({type(error).__name__}: {error})",
                f"a {Path(name).name} as tfqnoise writes it",
                "restore it from a copy, or make it anew",
            ) from error

    def read_lines(self, name: str) -> list[dict[str, Any]]:
        """Reads a file of one JSON object per line. Raises RunError if it is missing or damaged."""
        return self._read(name, lambda p: [json.loads(row) for row in p.read_text().splitlines()])

    def read_arrays(self, name: str) -> dict[str, "np.ndarray"]:
        """Reads arrays that `write_arrays` wrote; never unpickles. Raises RunError if missing or damaged."""

        import numpy as np

        def load(path: Path) -> dict[str, np.ndarray]:
            with np.load(path, allow_pickle=False) as arrays:
                return {key: arrays[key] for key in arrays.files}

        return self._read(name, load)

    def _read(self, name: str, load: Callable[[Path], Any]) -> Any:
        path = self.path / name
        try:
            return load(path)
        except FileNotFoundError:
            raise RunError(
                f"{path} is missing",
                "a run that has come this far",
                f"train it further: python scripts/train.py --resume --run-dir {self.path}",
            ) from None
        except (
            OSError,
            ValueError,
            EOFError,
            KeyError,
            NotImplementedError,
            RuntimeError,
            zipfile.BadZipFile,
        ) as error:
            raise RunError(
                f"{path} can't be read: {error}",
                "the file as tfqnoise wrote it",
                "restore it from a copy, or train again into another --run-dir",
            ) from error


def _members(path: Path) -> list[Path]:
    """Returns the runs of a series in its directory."""
    return sorted(found.parent for found in path.glob("*/recipe.json"))


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise RunError(
            f"{path} can't be written: {error.strerror or error}",
            "a writable directory on a disk with room",
            "free space, change permissions or choose another place; a run that has begun then goes on with --resume",
        ) from error
