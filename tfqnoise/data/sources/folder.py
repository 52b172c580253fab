"""A folder of pictures: one sub-folder per class, or a CSV with path and label."""

from pathlib import Path

import numpy as np

from tfqnoise.data import pictures, table
from tfqnoise.data.source import Examples, Source, register
from tfqnoise.data.splits import hold_out
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
    """Your own pictures: PATH/<class>/*.png|jpg, the same under train/ and test/, or a CSV path,label."""
    root = Path(argument).expanduser()
    if not argument or not root.exists():
        raise DataError(f"--dataset folder:{argument} names no file or directory", _LAYOUT, "check the path")
    if root.is_file():
        base, listed = root.parent, _from_csv(root)
    else:
        base, listed = root, _from_folders(root)
    if not listed:
        raise DataError(f"{root} holds no pictures", _LAYOUT, "check the path and the file endings")
    names = tuple(sorted({label for _, label in listed}))
    size = recipe.image_size or _DEFAULT_SIZE
    # A picture is named by its path under the folder, which is the same on every machine.
    images, good = pictures.read(base, [path for path, _ in listed], size, recipe.skip_unreadable)
    ids = np.array([listed[row][0] for row in good])
    examples = Examples(ids, images, np.array([names.index(listed[row][1]) for row in good], np.int64))
    fixed = np.array([i.split("/")[0] for i in examples.ids])
    if root.is_dir() and {"train", "test"} <= set(fixed):
        train, test = examples.take(fixed == "train"), examples.take(fixed == "test")
    else:
        train, test = hold_out(examples, _TEST_SHARE, "test")
    return Source(names, train, test, flip=True, pad=max(1, size // 8), test_labels="as given")


def _from_folders(root: Path) -> list[tuple[str, str]]:
    parts = [root / "train", root / "test"]
    tops = parts if all(part.is_dir() for part in parts) else [root]
    names = {path.name.lower() for path in root.iterdir() if path.is_dir()}
    if tops == [root] and names and names <= _SPLITS:
        raise DataError(
            f"{root} holds {', '.join(sorted(names))}, which look like splits, not classes",
            _LAYOUT,
            "name the folders train and test, or point to the one that holds the classes",
        )
    listed, empty = [], []
    for class_folder in sorted(path for top in tops for path in top.iterdir() if path.is_dir()):
        found = [p for p in sorted(class_folder.rglob("*")) if p.suffix.lower() in pictures.SUFFIXES]
        listed += [(path.relative_to(root).as_posix(), class_folder.name) for path in found]
        if not found:
            empty.append(str(class_folder))
    if empty and listed:
        raise DataError(
            f"no pictures in class folder {', '.join(empty)}",
            "at least one picture in each class folder",
            "add pictures or remove the folder",
        )
    return listed


def _from_csv(path: Path) -> list[tuple[str, str]]:
    rows = []
    for number, row in table.read(path, ("path", "label"))[1].items():
        if not row["path"] or not row["label"]:
            raise DataError(f"{path} line {number} lacks path or label", "both", "complete or delete the line")
        rows.append((row["path"], row["label"]))
    doubled = len(rows) - len({name for name, _ in rows})
    if doubled:
        raise DataError(f"{path} names {doubled} pictures twice", "each path once", "delete the second line")
    return rows
