"""Labels in a CSV file, keyed by the ids of the pictures."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfqnoise.errors import DataError, did_you_mean

_FORM = "a CSV file in UTF-8 with the columns id,label, or an audit.csv with id,given,suggested,score,flagged"


def read(path: str, class_names: Sequence[str]) -> dict[str, int]:
    """Returns the label of each id that a file names.

    A label is a class name or its number. Of an audit's table the flagged rows count, with their suggested label.

    Args:
        path: the file.
        class_names: C names.

    Raises:
        DataError: if it is missing, unreadable, names a class that there isn't or an id twice.
    """
    try:
        with Path(path).expanduser().open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"label file {path} can't be read: {error}", _FORM, "check the path and the file") from error
    audit = {"id", "suggested", "flagged"} <= set(columns)
    if not audit and not {"id", "label"} <= set(columns):
        # A spreadsheet writes semicolons or tabs where the language has commas in its numbers.
        raise DataError(
            f"label file {path} has the columns {', '.join(columns) or 'of an empty file'}",
            _FORM,
            "name the columns so in the first line, separated by commas"
            + (" instead of semicolons or tabs" if len(columns) == 1 and set(";\t") & set(columns[0]) else ""),
        )
    labels: dict[str, int] = {}
    lines: dict[str, int] = {}
    for line, row in rows:
        name, label = row["id"], row["suggested" if audit else "label"]
        flag = (row["flagged"] or "").strip() if audit else "1"
        if not name or label is None or not flag:
            raise DataError(f"label file {path} line {line} is incomplete", _FORM, "complete or delete the line")
        if flag not in ("0", "1"):
            raise DataError(
                f"label file {path} line {line} has flagged = '{row['flagged']}'",
                "0 or 1",
                "correct the cell: rows with 1 get the suggested label, those with 0 keep their own",
            )
        if name in labels:
            raise DataError(
                f"label file {path} line {line} names '{name}' again, after line {lines[name]}",
                "each id once",
                f"delete line {line} or line {lines[name]}",
            )
        if flag == "1":
            lines[name] = line
            labels[name] = _number(path, line, label.strip(), class_names)
    return labels


def replaced(path: str, ids: np.ndarray, labels: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Returns labels with those of a file in the place of the given ones.

    Args:
        path: the file, see `read`.
        ids: N strings.
        labels: int64 [N].
        class_names: C names.

    Raises:
        DataError: see `read`, or if the file is about other pictures.
    """
    found = read(path, class_names)
    rows = {name: row for row, name in enumerate(ids.tolist())}
    strange = [name for name in found if name not in rows]
    if strange:
        raise DataError(
            f"label file {path} names {len(strange)} ids that no training picture has, such as '{strange[0]}'",
            f"ids such as '{ids[0]}'",
            "make the file for this data set, or leave out the ids that are not in it",
        )
    result = labels.copy()
    for name, label in found.items():
        result[rows[name]] = label
    return result


def _number(path: str, line: int, label: str, class_names: Sequence[str]) -> int:
    if label in class_names:
        return list(class_names).index(label)
    # Where classes are called by numbers, those of rows would be others.
    if label.isdecimal() and int(label) < len(class_names) and not any(name.isdecimal() for name in class_names):
        return int(label)
    raise DataError(
        f"label file {path} line {line} has the label '{label}'",
        f"a class name or a number below {len(class_names)}",
        did_you_mean(label, class_names),
    )
