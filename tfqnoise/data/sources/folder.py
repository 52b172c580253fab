"""A folder of pictures: one sub-folder per class, or a CSV with path and label."""

import csv
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tfqnoise.data.source import Examples, Source, register
from tfqnoise.data.splits import hold_out
from tfqnoise.errors import DataError
from tfqnoise.recipe import Recipe

_SUFFIXES = (".png", ".jpg", ".jpeg")
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
    examples = _read(base, listed, names, size, recipe.skip_unreadable)
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
        found = [p for p in sorted(class_folder.rglob("*")) if p.suffix.lower() in _SUFFIXES]
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
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"path", "label"} <= set(reader.fieldnames or ()):
                raise DataError(
                    f"{path} has the columns {reader.fieldnames}",
                    "the columns path and label, named in the first line",
                    "name two columns path and label in the first line, separated by commas",
                )
            rows = [(row["path"], row["label"]) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} can't be read: {error}", "a CSV file in UTF-8", "check the file") from error
    for number, row in enumerate(rows, start=2):
        if not all(row):
            raise DataError(f"{path} line {number} lacks path or label", "both", "complete or delete the line")
    doubled = len(rows) - len({name for name, _ in rows})
    if doubled:
        raise DataError(f"{path} names {doubled} pictures twice", "each path once", "delete the second line")
    return rows


def _read(base: Path, listed: list[tuple[str, str]], names: tuple[str, ...], size: int, skip: bool) -> Examples:
    """Decodes all pictures once, in threads; training reads the resulting array."""
    with ThreadPoolExecutor() as pool:
        decoded = list(pool.map(lambda item: _decode(base / item[0], size), listed))
    unreadable = [
        f"{item[0]} ({image})" for item, image in zip(listed, decoded, strict=True) if isinstance(image, str)
    ]
    if unreadable and not skip:
        shown = "\n    ".join(unreadable[:20])
        more = f"\n    … and {len(unreadable) - 20} more" if len(unreadable) > 20 else ""
        raise DataError(
            f"{len(unreadable)} of {len(listed)} pictures under {base} can't be read:\n    {shown}{more}",
            "PNG or JPEG pictures",
            "repair or remove them, or pass --skip-unreadable to leave them out",
        )
    for line in unreadable:
        print(f"left out: {line}")
    good = [row for row, image in enumerate(decoded) if not isinstance(image, str)]
    if not good:
        raise DataError(f"none of the {len(listed)} pictures can be read", "some that can", "check the files")
    # A picture is named by its path under the folder, which is the same on every machine.
    ids = np.array([listed[row][0] for row in good])
    images = np.stack([decoded[row] for row in good])
    return Examples(ids, images, np.array([names.index(listed[row][1]) for row in good], np.int64))


def _decode(path: Path, size: int) -> np.ndarray | str:
    """Returns uint8 [size, size, 3], or the reason why there is none."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            # Phones store a picture as the sensor saw it and note how it was held.
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):
                # 16 bits a pixel: Pillow would cut off at 255 instead of scaling.
                upright = Image.fromarray((np.asarray(upright, np.uint32) // 257).astype(np.uint8))
            elif upright.mode in ("RGBA", "LA", "PA"):
                # What lies under transparent pixels was never meant to be seen.
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
            resized = upright.convert("RGB").resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
            return np.asarray(resized)
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        reason = str(error) or type(error).__name__
        return "not a picture" if "cannot identify" in reason else reason
