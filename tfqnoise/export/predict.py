"""What an exported model says of a folder of pictures, which need no labels."""

import csv
import dataclasses
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tfqnoise.data import pictures as files
from tfqnoise.errors import DataError, ExportError, RunError
from tfqnoise.export.interpreter import Interpreter
from tfqnoise.export.metadata import description
from tfqnoise.export.subject import Subject
from tfqnoise.metrics import softmax
from tfqnoise.run import Run

# Rec. 601, as Pillow turns colours into grey.
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What a model says of N pictures.

    Attributes:
        names: their paths under the folder.
        labels: C names.
        probabilities: float64 [N, C]: softmax of the logits where a picture has one label, else the logistic function
            of each. What was trained on wrong labels is rarely as sure as it is right.
        single: whether a picture has one label.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: np.ndarray
    single: bool

    def __str__(self) -> str:
        best = self.probabilities.argmax(axis=1)
        said = [best == k for k in range(len(self.labels))] if self.single else list(self.probabilities.T > 0.5)
        counts = ", ".join(f"{name} {int(each.sum())}" for each, name in zip(said, self.labels, strict=True))
        unsure = int((self.probabilities.max(axis=1) < 0.5).sum()) if self.single else 0
        return f"{len(self.names)} pictures: {counts}" + (
            f"; {unsure} with a probability below 50%" if unsure else ""
        )

    def table(self, folder: Path, beside: Path) -> str:
        """Returns a CSV: `path`, `label` and `probability`, which `folder:` takes, or `path` and one column a label.

        Args:
            folder: where the pictures lie.
            beside: the directory that paths are relative to.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("path", "label", "probability") if self.single else ("path", *self.labels))
        for name, row in zip(self.names, self.probabilities, strict=True):
            path = Path(os.path.relpath(folder / name, beside)).as_posix()
            best = int(row.argmax())
            own = (self.labels[best], f"{row[best]:.4f}") if self.single else tuple(f"{p:.4f}" for p in row)
            writer.writerow((path, *own))
        return text.getvalue()


def predict(
    subject: Subject | Run | Path | None,
    folder: Path,
    *,
    skip_unreadable: bool = False,
    report: Callable[[str], None] = print,
) -> Predictions:
    """Returns what an exported model says of all pictures in a folder and the folders in it.

    Each is brought to the model's size as in training: whole, not cropped, upright, in RGB on white.

    Args:
        subject: a run, its directory, or a .tflite file that tfqnoise exported.
        folder: of PNG or JPEG pictures.
        skip_unreadable: whether unreadable ones are left out, which is printed, instead of refused.
        report: is told if the model isn't that of the run's weights.

    Raises:
        TfqnoiseError: for a model of another tool, or a folder without pictures.

    Example:
        >>> predict(Path("runs/try"), Path("photos")).labels
    """
    path = Subject.of(subject).model(report=report)
    interpreter = Interpreter(path, threads=os.cpu_count() or 1)
    labels, single = _meaning(path, interpreter)
    if not folder.is_dir():
        raise DataError(f"{folder} is no directory", "a folder of pictures", "check the path")
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in files.SUFFIXES and not p.name.startswith("."))
    if not found:
        raise DataError(
            f"{folder} holds no pictures", f"files that end in {', '.join(files.SUFFIXES)}", "check the path"
        )
    names = [p.relative_to(folder).as_posix() for p in found]
    images, good = files.read(folder, names, interpreter.input_shape[0], skip_unreadable)
    if interpreter.input_shape[-1] == 1:
        images = np.rint(images @ _LUMA)[..., None].astype(np.uint8)
    logits = interpreter.real(interpreter(images)).astype(np.float64)
    probabilities = softmax(logits) if single else 1 / (1 + np.exp(-logits))
    return Predictions(tuple(names[row] for row in good), labels, probabilities, single)


def write(predictions: Predictions, folder: Path, into: Path) -> None:
    """Writes predictions as a CSV file, whole or not at all.

    Args:
        predictions: of the pictures in `folder`.
        folder: where they lie.
        into: the file.

    Raises:
        RunError: if the file is there already or can't be written.
    """
    content = predictions.table(folder, into.parent).encode()
    try:
        Run(into.parent).write_bytes(into.name, content, publish=os.link)
    except FileExistsError:
        raise taken(into) from None


def taken(into: Path) -> RunError:
    """Returns what to say where there is a file already."""
    return RunError(f"{into} is there already", "a new file", "choose another --into, or delete it")


def _meaning(path: Path, interpreter: Interpreter) -> tuple[tuple[str, ...], bool]:
    """Returns the labels of a model, and whether a picture has one of them."""
    facts = description(path.read_bytes())
    labels = facts.get("labels")
    height, width, channels = ([*interpreter.input_shape, 0, 0, 0])[:3]
    fits = isinstance(labels, list) and [len(labels)] == list(interpreter.outputs[0]["shape"][1:])
    if not fits or height != width or channels not in (1, 3) or facts.get("task") not in ("single", "multi"):
        raise ExportError(
            f"{path} doesn't say what its outputs mean, or takes no square pictures",
            "a model that tfqnoise has exported, with labels and task in its metadata",
            "export the run again: python scripts/export_tflite.py RUN",
        )
    return tuple(map(str, labels or ())), facts["task"] == "single"
