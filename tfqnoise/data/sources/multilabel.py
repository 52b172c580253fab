"""Pictures with several labels each, from a CSV file."""

from collections import Counter
from pathlib import Path

import numpy as np

from tfqnoise.data import pictures, table
from tfqnoise.data.source import Examples, Source, register
from tfqnoise.data.splits import hold_out
from tfqnoise.errors import DataError
from tfqnoise.recipe import Recipe

_TEST_SHARE = 0.2
_DEFAULT_SIZE = 32
# Pandas writes whole numbers of a column with gaps as 1.0 and 0.0.
_VALUES = {"1": 1, "1.0": 1, "0": 0, "0.0": 0, "": -1}
_SPLITS = ("train", "test")
_LAYOUT = (
    "a CSV file with the columns path,label1,label2,… and cells 1, 0 or nothing (unknown); paths beside the file"
)


@register(reference="-")
def multilabel(recipe: Recipe, argument: str) -> Source:
    """Your own pictures with several labels each: a CSV path,label1,…,labelN of 1, 0 and nothing (unknown)."""
    path = Path(argument).expanduser()
    if not argument or not path.is_file():
        raise DataError(f"--dataset multilabel:{argument} names no file", _LAYOUT, "check the path")
    columns, rows = table.read(path, ("path",))
    # A column `split` says which pictures are for testing; any other column is a label.
    names = tuple(name for name in columns if name not in ("path", "split"))
    doubled = [name for name, count in Counter(columns).items() if count > 1 and name]
    if doubled:
        raise DataError(
            f"{path} has more than one column {', '.join(doubled)}",
            "each label once",
            "rename or remove all but one in the first line",
        )
    if not names or not all(columns):
        raise DataError(f"{path} has the columns {', '.join(columns)}", _LAYOUT, "name each label in the first line")
    if not rows:
        raise DataError(f"{path} names no pictures", _LAYOUT, "add lines")
    _check(path, rows, names, fixed="split" in columns)
    known = [row for row in rows.values() if any(row[name].strip() for name in names)]
    if len(known) < len(rows):
        print(f"left out: {len(rows) - len(known)} pictures of {path} without any known label")
    size = recipe.image_size or _DEFAULT_SIZE
    images, good = pictures.read(path.parent, [row["path"] for row in known], size, recipe.skip_unreadable)
    ids = np.array([known[row]["path"] for row in good])
    labels = np.array([[_VALUES[known[row][name].strip()] for name in names] for row in good], np.int64)
    examples = Examples(ids, images, labels.reshape(len(good), len(names)))
    if "split" in columns:
        tested = np.array([known[row]["split"].strip() == "test" for row in good], bool)
        train, test = examples.take(~tested), examples.take(tested)
    else:
        train, test = hold_out(examples, _TEST_SHARE, "test")
    return Source(names, train, test, flip=True, pad=max(1, size // 8), test_labels="as given", task="multi")


def _check(path: Path, rows: dict[int, dict[str, str]], names: tuple[str, ...], fixed: bool) -> None:
    """Refuses lines that can't be used, by their number."""
    lines: dict[str, int] = {}
    for line, row in rows.items():
        where = f"{path} line {line}"
        if not row["path"]:
            raise DataError(f"{where} names no picture", "a path", "complete or delete the line")
        if row["path"] in lines:
            raise DataError(
                f"{where} names {row['path']} again, after line {lines[row['path']]}",
                "each path once",
                f"delete line {line} or line {lines[row['path']]}",
            )
        lines[row["path"]] = line
        for name in names:
            if row[name].strip() not in _VALUES:
                raise DataError(
                    f"{where} has {name} = '{row[name]}'", "1, 0 or nothing (unknown)", "correct the cell"
                )
        if fixed and row["split"].strip() not in _SPLITS:
            raise DataError(f"{where} has split = '{row['split']}'", "train or test", "correct the cell")
        if None in row:
            raise DataError(f"{where} has more cells than there are columns", _LAYOUT, "correct the line")
