"""A folder of pictures: one sub-folder per class, or a CSV with path and label."""

import posixpath
from pathlib import Path

import numpy as np

from tfqnoise import errors
from tfqnoise.data import pictures, table
from tfqnoise.data.source import Examples, Source, register
from tfqnoise.data.splits import of_each_class
from tfqnoise.errors import DataError
from tfqnoise.recipe import Recipe

_TEST_SHARE = 0.2
_DEFAULT_SIZE = 32
_SPLITS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
_LAYOUT = (
    "PATH/<class>/<picture>, or PATH/train/<class>/… with PATH/test/<class>/…, or a CSV with the columns "
    "path,label; pictures are PNG or JPEG"
)


@register(reference="-")
def folder(recipe: Recipe, argument: str) -> Source:
    """Your own pictures: PATH/<class>/*.png|jpg, the same under train/ and test/, or a CSV path,label.

    Without train/ and test/ a fifth of each class is the test set, see `splits.of_each_class`: which pictures is a
    pure function of the paths and labels of those that can be read.
    """
    root = Path(argument).expanduser()
    if not argument or not root.exists():
        # A run keeps the path as it was typed.
        where = "" if root.is_absolute() else f", or go to the directory that it was named from: this is {Path.cwd()}"
        raise DataError(f"--dataset folder:{argument} names no file or directory", _LAYOUT, f"check the path{where}")
    if root.is_file():
        base, listed = root.parent, _from_csv(root)
    else:
        base, listed = root, _from_folders(root)
    if not listed:
        raise _none(root)
    names = tuple(sorted({label for _, label in listed}))
    size = recipe.image_size or _DEFAULT_SIZE
    # A picture is named by its path under the folder, which is the same on every machine.
    images, good = pictures.read(base, [path for path, _ in listed], size, recipe.skip_unreadable)
    ids = np.array([listed[row][0] for row in good])
    examples = Examples(ids, images, np.array([names.index(listed[row][1]) for row in good], np.int64))
    if root.is_dir() and _is_split(root):
        top = np.array([i.split("/")[0] for i in examples.ids])
        train, test = examples.take(top == "train"), examples.take(top == "test")
        for name, part in (("train", train), ("test", test)):
            if not len(part):
                raise DataError(
                    f"{root / name} holds no picture that can be read, in folders of classes",
                    _LAYOUT,
                    "put pictures there, or move the classes up and remove the folders train and test",
                )
    else:
        train, test = of_each_class(examples, _TEST_SHARE, "test")
    return Source(names, train, test, flip=True, pad=max(1, size // 8), test_labels="as given")


def _none(root: Path) -> DataError:
    """Returns the error of a folder or CSV without pictures; some may lie where they have no class."""
    loose = [path for path in root.iterdir() if path.suffix.lower() in pictures.SUFFIXES] if root.is_dir() else []
    if not loose:
        return DataError(f"{root} holds no pictures", _LAYOUT, "check the path and the file endings")
    lie = "1 picture lies" if len(loose) == 1 else f"{len(loose)} pictures lie"
    return DataError(
        f"{root}: {lie} directly in it, not in class folders",
        _LAYOUT,
        "make a folder for each class and move them there, or name labels in a CSV: folder:FILE",
    )


def _is_split(root: Path) -> bool:
    return (root / "train").is_dir() and (root / "test").is_dir()


def _from_folders(root: Path) -> list[tuple[str, str]]:
    tops = [root / "train", root / "test"] if _is_split(root) else [root]
    names = {path.name.lower() for path in root.iterdir() if path.is_dir()}
    if tops == [root] and names and names <= _SPLITS:
        raise DataError(
            f"{root} holds {', '.join(sorted(names))}, which look like splits, not classes",
            _LAYOUT,
            "name the folders train and test, or point to the one that holds the classes",
        )
    listed, empty, single = [], [], []
    for class_folder in sorted(path for top in tops for path in top.iterdir() if path.is_dir()):
        found = [p for p in sorted(class_folder.rglob("*")) if p.suffix.lower() in pictures.SUFFIXES]
        for path in found:
            name = path.relative_to(root).as_posix()
            if not name.isprintable():
                raise DataError(
                    f"a picture's name is not text in UTF-8: {name!a}",
                    "names that can be written down",
                    "rename it",
                )
            listed.append((name, class_folder.name))
        if not found:
            empty.append(str(class_folder))
        # Of test pictures one is enough. One to train on may be held out for validation, which is found much later.
        if len(found) == 1 and class_folder.parent != root / "test":
            single.append(str(class_folder))
    if empty and listed:
        raise DataError(
            f"no pictures in class folder {errors.listed(empty)}"
            + (f", and a single one in {errors.listed(single)}" if single else ""),
            "at least one picture in each class folder"
            + (", and one to train on after others are held out" if single else ""),
            "add pictures or remove the folders",
        )
    return listed


def _from_csv(path: Path) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    lines: dict[str, int] = {}
    for number, row in table.read(path, ("path", "label"))[1].items():
        name, label = (row["path"] or "").strip(), (row["label"] or "").strip()
        if not name or not label:
            raise DataError(f"{path} line {number} lacks path or label", "both", "complete or delete the line")
        # a.png and ./a.png are one picture, which must not be trained on and tested with.
        known = posixpath.normpath(name)
        if known in lines:
            raise DataError(
                f"{path} line {number} names {name} again, after line {lines[known]}",
                "each path once",
                f"delete line {number} or line {lines[known]}",
            )
        lines[known] = number
        rows.append((known, label))
    return rows
