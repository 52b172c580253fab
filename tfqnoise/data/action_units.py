"""Facial action units from video: what DISFA and BP4D have in common.

Subjects come in three fixed parts. Fold k trains on two of them and tests the one that is left: fold 1 tests part 3,
fold 2 part 2 and fold 3 part 1, so that nobody is both trained on and tested.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tfqnoise.data import pictures
from tfqnoise.data.source import Examples, Source
from tfqnoise.errors import DataError
from tfqnoise.limits import FOLDS
from tfqnoise.recipe import Recipe

# The eyes of a cropped face are about ten pixels wide here, enough to see a lid tighten, and the 150,000 frames of
# a whole data set still fit into 2 GB.
_DEFAULT_SIZE = 64


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A data set and how it is evaluated.

    Attributes:
        dataset: its name in --dataset.
        units: numbers of the action units, in the order of the labels.
        parts: the subjects of the three parts.
        sequences: names of each subject's sequences; none if a subject is one sequence.
        layout: where its files lie, for messages.
    """

    dataset: str
    units: tuple[int, ...]
    parts: tuple[tuple[str, ...], ...]
    sequences: tuple[str, ...]
    layout: str

    def recordings(self, part: int) -> list[tuple[str, ...]]:
        """Returns (subject,) or (subject, sequence) of all recordings of a part, counted from 0."""
        names: list[tuple[str, ...]] = [(subject,) for subject in self.parts[part]]
        return [(*name, sequence) for name in names for sequence in self.sequences] if self.sequences else names


@dataclasses.dataclass
class Recording:
    """The frames of a recording that have both a label and a picture.

    Attributes:
        ids: N strings such as SN001/0.
        paths: N paths of pictures under the root.
        labels: N lists of L values 1, 0 or -1 (not coded).
        left_out: how many frames were left out, by reason.
    """

    ids: list[str]
    paths: list[str]
    labels: list[list[int]]
    left_out: Counter[str]


# (root, recording) -> what is there of it, or None where the copy has no labels of it.
Reader = Callable[[Path, tuple[str, ...]], Recording | None]


def load(recipe: Recipe, argument: str, protocol: Protocol, reader: Reader) -> Source:
    """Loads a fold.

    Args:
        recipe: fold, image size and whether unreadable pictures are skipped.
        argument: the root of the user's copy.
        protocol: the data set.
        reader: reads one recording.

    Raises:
        DataError: if there is no copy, or one that lacks a whole part, or broken files.
    """
    root = Path(argument).expanduser()
    if not argument or not root.is_dir():
        raise DataError(
            f"--dataset {protocol.dataset}:{argument} names no directory",
            protocol.layout,
            "pass the root of your own licensed copy",
        )
    parts = [{name: reader(root, name) for name in protocol.recordings(part)} for part in range(3)]
    _check(root, protocol, parts)
    left_out: Counter[str] = sum((r.left_out for part in parts for r in part.values() if r), Counter())
    if left_out:
        shown = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
        print(f"{protocol.dataset}: left out {shown}")
    tested = 3 - recipe.fold
    train = _examples(recipe, root, [part for number, part in enumerate(parts) if number != tested])
    test = _examples(recipe, root, [parts[tested]])
    # A face is nearly symmetric, and a unit is coded on whichever side it shows, so a mirrored one keeps its labels.
    # Coders disagree about action units in the test pictures as much as in the others.
    return Source(
        tuple(f"AU{unit}" for unit in protocol.units),
        train,
        test,
        flip=True,
        pad=(recipe.image_size or _DEFAULT_SIZE) // 8,
        test_labels="as given",
        task="multi",
        folds=FOLDS,
    )


def matched(
    folder: Path, root: Path, labels: dict[int, list[int]], prefix: tuple[str, ...], first_picture: int | None = None
) -> Recording:
    """Returns the frames that have both a label and a picture, matched by number.

    Args:
        folder: the folder with the pictures, named <number>.png or .jpg, zero-padded or not.
        root: the root of the copy.
        labels: L values of each picture's number.
        prefix: the first words of an id.
        first_picture: where pictures are counted from, if that is certain: a copy that counts from one more, which
            would shift every label by a frame, is refused.

    Raises:
        DataError: if two pictures have one number, or are counted from another one.
    """
    found, strange = _numbered(folder)
    if first_picture is not None and found and labels:
        last = max(labels)
        if min(found) == first_picture + 1 and max(found) > last:
            raise DataError(
                f"pictures of {folder} are counted from {min(found)} to {max(found)}, its frames to {last}",
                f"the picture of the first frame to be number {first_picture}",
                f"rename them to {first_picture} … {last}; otherwise each label would be a frame off",
            )
        if min(found) == first_picture + 1:
            # The last picture may be lacking; or the first one.
            print(f"{folder}: no picture {first_picture}; if {min(found)} shows the first frame, labels are one off")
    coded = {number for number, row in labels.items() if any(value >= 0 for value in row)}
    numbers = sorted(coded & set(found))
    left_out = Counter(
        {
            "frames not coded": len(labels) - len(coded),
            "labelled frames without a picture": len(coded - set(found)),
            "pictures without a label": len(set(found) - set(labels)) + strange,
        }
    )
    return Recording(
        ["/".join((*prefix, str(number))) for number in numbers],
        [found[number].relative_to(root).as_posix() for number in numbers],
        [labels[number] for number in numbers],
        +left_out,
    )


def _numbered(folder: Path) -> tuple[dict[int, Path], int]:
    """Returns the pictures of a folder by number, and how many are named otherwise."""
    found: dict[int, Path] = {}
    strange = 0
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() not in pictures.SUFFIXES or path.name.startswith("."):
            continue
        if not (path.stem.isascii() and path.stem.isdigit()):
            strange += 1
        elif int(path.stem) in found:
            raise DataError(
                f"{found[int(path.stem)].name} and {path.name} in {folder} are both number {int(path.stem)}",
                "one picture a frame",
                "remove one of them",
            )
        else:
            found[int(path.stem)] = path
    return found, strange


def _check(root: Path, protocol: Protocol, parts: list[dict[tuple[str, ...], Recording | None]]) -> None:
    """Refuses a copy that lacks a whole part, and says if one lacks anything else."""
    present = {name for part in parts for name, recording in part.items() if recording and recording.ids}
    subjects = {name[0] for name in present}
    absent = [subject for part in protocol.parts for subject in part if subject not in subjects]
    if not present:
        raise DataError(
            f"{root} holds no frame of {protocol.dataset.upper()} with both labels and picture",
            protocol.layout,
            "check the path, and that both the labels and the pictures lie there",
        )
    empty = [str(number) for number, part in enumerate(protocol.parts, 1) if not subjects & set(part)]
    if empty:
        raise DataError(
            f"{root} has no subject of part {' and '.join(empty)}; absent are {', '.join(absent)}",
            "all subjects of the three parts, or for a try at least one of each: labels and pictures\n"
            f"    {protocol.layout}",
            "add the absent subjects",
        )
    gaps = [
        "/".join(name) for part in parts for name in part if name not in present and name[0] in subjects
    ]  # Only where subjects have several sequences.
    if absent or gaps:
        more = f" and {len(gaps) - 20} more" if len(gaps) > 20 else ""
        print(
            f"{protocol.dataset}: NOT the full protocol, figures can't be compared with published ones. "
            + (f"Absent subjects: {', '.join(absent)}. " if absent else "")
            + (f"Absent sequences: {', '.join(gaps[:20])}{more}." if gaps else "")
        )


def _examples(recipe: Recipe, root: Path, parts: list[dict[tuple[str, ...], Recording | None]]) -> Examples:
    listed = [(name[0], recording) for part in parts for name, recording in part.items() if recording]
    ids = np.array([i for _, recording in listed for i in recording.ids])
    paths = [path for _, recording in listed for path in recording.paths]
    labels = np.array([row for _, recording in listed for row in recording.labels], np.int64)
    # Neighbouring frames are nearly the same picture: a subject is held out as a whole.
    groups = np.array([subject for subject, recording in listed for _ in recording.ids])
    images, good = pictures.read(root, paths, recipe.image_size or _DEFAULT_SIZE, recipe.skip_unreadable)
    return Examples(ids[good], images, labels[good], groups[good])


def numbers(path: Path, line: int, cells: list[str], allowed: str, valid: Callable[[list[int]], bool]) -> list[int]:
    """Returns the numbers of a line of a label file.

    Args:
        path: the file, for messages.
        line: the line, for messages.
        cells: the texts; 1.0 is 1 too.
        allowed: what is valid, in words.
        valid: whether the numbers are.

    Raises:
        DataError: if a text is no whole number or the numbers aren't valid.
    """
    try:
        values = [float(cell) for cell in cells]
        if all(value.is_integer() for value in values) and valid([int(value) for value in values]):
            return [int(value) for value in values]
    except ValueError:
        pass
    raise DataError(
        f"{path} line {line} is '{','.join(cells)}'", allowed, "repair the file, or copy it again from the data set"
    )
