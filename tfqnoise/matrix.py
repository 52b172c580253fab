"""Matrices over classes in files: transition matrices, and counts such as a confusion matrix."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise.errors import DataError

_FORM = "a CSV file of numbers without a heading, or JSON: a list of rows, or an object that holds one as "
_TOLERANCE = 1e-3


def read(path: str) -> np.ndarray:
    """Returns the transition matrix of a file.

    Args:
        path: CSV of numbers, or JSON: a list of rows or an object with "transition_matrix", as a run's noise.json is.

    Returns:
        float64 [C, C], row = true label, column = given label, rows summing to 1 (rounded ones are scaled to it).

    Raises:
        DataError: if it is missing, unreadable, not square, has a negative entry or a row that doesn't sum to 1.
    """
    matrix = numbers(path, "transition_matrix")
    rows, columns = matrix.shape
    if rows != columns:
        raise _wrong(path, f"has {rows} rows and {columns} columns", "as many rows as columns, one for each class")
    if (matrix < 0).any():
        raise _wrong(path, f"has the negative entry {matrix.min():g}", "probabilities")
    sums = matrix.sum(axis=1)
    off = np.flatnonzero(np.abs(sums - 1) > _TOLERANCE)
    if len(off):
        raise _wrong(
            path, f"has row {off[0]} summing to {sums[off[0]]:g}", "rows (true label) of probabilities that sum to 1"
        )
    return matrix / sums[:, None]


def numbers(path: str, *names: str) -> np.ndarray:
    """Returns the table of numbers of a file, whatever they mean.

    Args:
        path: CSV of numbers, or JSON: a list of rows or an object that holds one.
        *names: what the object may call it, the first choice first.

    Returns:
        float64 [R, C], finite, at least one by one.

    Raises:
        DataError: if it is missing, unreadable or no such table.
    """
    form = _FORM + " or ".join(f'"{name}"' for name in names)
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
        rows = _json(text, names) if text.lstrip()[:1] in ("{", "[") else _csv(text)
        if not rows or not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
            raise ValueError("it is no list of rows of one length")
        if not all(isinstance(x, int | float) and not isinstance(x, bool) for row in rows for x in row):
            raise ValueError("it has entries that are no numbers")
        table = np.array(rows, np.float64)
    except (OSError, ValueError, OverflowError, RecursionError, csv.Error) as error:
        raise DataError(f"matrix file {path} can't be read: {error}", form, "check the path and the file") from error
    if not table.size or not np.isfinite(table).all():
        raise _wrong(path, "is empty or has entries such as NaN or infinity", form)
    return table


def _csv(text: str) -> list[list[float]]:
    return [[float(cell) for cell in row] for row in csv.reader(text.splitlines()) if any(map(str.strip, row))]


def _json(text: str, names: tuple[str, ...]) -> Any:
    parsed = json.loads(text)
    if isinstance(parsed, dict):
        found = [parsed[name] for name in names if name in parsed]
        if not found:
            raise ValueError(f"it has the entries {', '.join(parsed) or 'of an empty object'}")
        parsed = found[0]
    if not isinstance(parsed, list):
        raise ValueError("it is no list of rows of one length")
    return parsed


def _wrong(path: str, received: str, expected: str) -> DataError:
    return DataError(f"matrix file {path} {received}", expected, "mend the file, or name another")
