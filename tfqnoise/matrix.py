"""Matrices over classes in files. Of a transition matrix: row = true label, column = given label, rows sum to 1."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise.errors import DataError, listed

# Rows written with few digits, such as three times 0.333, are meant to sum to 1; what is further off is not.
_SUM_TOLERANCE = 1e-3 + 1e-9
_REMEDY = (
    "give a run's noise.json, a JSON list of rows or a CSV of numbers without a header; "
    "row = true label, column = given label"
)


def read(path: str | Path) -> np.ndarray:
    """Reads a transition matrix.

    Args:
        path: JSON with a "transition_matrix" (a run's noise.json, an audit's summary), a plain JSON list of
            rows, or a CSV of numbers without a header. The content decides, not the file's ending.

    Returns:
        float64 [C, C], as `checked` returns it.

    Raises:
        DataError: if the file can't be read or holds no transition matrix.
    """
    return checked(_rows(path, ("transition_matrix",)), str(path))


def numbers(path: str | Path, *names: str, classes: Sequence[str] = ()) -> np.ndarray:
    """Reads a table of numbers that need not be probabilities, such as a confusion matrix.

    Args:
        path: a file of one of the forms that `read` takes.
        *names: what JSON may call the table, the first choice first.
        classes: what JSON must name as its "class_names", if it names some.

    Returns:
        float64 [R, C], finite, at least one by one.

    Raises:
        DataError: if the file can't be read, holds no such table, or one of other classes.
    """
    table = _numbers(_rows(path, names, classes), str(path))
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise DataError(f"{path} holds no table of finite numbers", "rows of numbers, all of one length", _REMEDY)
    return table


def _rows(path: str | Path, names: tuple[str, ...], classes: Sequence[str] = ()) -> Any:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig").strip()
        if not text.startswith(("{", "[")):
            return [[float(cell) for cell in line.split(",")] for line in text.splitlines() if line.strip()]
        content = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: {error}", "a readable matrix", _REMEDY) from error
    if not isinstance(content, dict):
        return content
    named = content.get("class_names")
    if classes and named is not None and named != list(classes):
        raise DataError(
            f"{path} is about the classes {str(named)[:200]}",
            f"{listed(classes[:10])}, in this order",
            "name a file of this data set",
        )
    found = [content[name] for name in names if content.get(name) is not None]
    if not found:
        wanted = " or ".join(f"'{name}'" for name in names)
        raise DataError(f"{path} without a {wanted}", "JSON that has one", _REMEDY)
    return found[0]


def _numbers(rows: Any, source: str) -> np.ndarray:
    try:
        return np.asarray(rows, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{source}: {error}", "rows of numbers, all of one length", _REMEDY) from error


def checked(rows: Any, source: str) -> np.ndarray:
    """Returns `rows` as a transition matrix whose rows sum to 1 up to float64 rounding.

    Args:
        rows: [C, C] numbers, row = true label, column = given label. A row whose sum is within 1e-3 of 1 is
            divided by it.
        source: where they come from, for the message.

    Returns:
        float64 [C, C].

    Raises:
        DataError: if they are not numbers, not square, fewer than 2 classes, not finite, negative, or a row
            doesn't sum to 1.
    """
    matrix = _numbers(rows, source)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        shape = " x ".join(map(str, matrix.shape)) or "one number"
        raise DataError(f"{source} of shape {shape}", "a square matrix of at least 2 classes", _REMEDY)
    wrong = np.argwhere(~(np.isfinite(matrix) & (matrix >= 0)))
    if len(wrong):
        row, column = (int(i) for i in wrong[0])
        raise DataError(
            f"{source} with {matrix[row, column]} in row {row}, column {column} (counted from 0)",
            "probabilities: finite numbers of at least 0",
            _REMEDY,
        )
    sums = matrix.sum(axis=1)
    off = np.flatnonzero(np.abs(sums - 1) > _SUM_TOLERANCE)
    if len(off):
        raise DataError(
            f"{source} whose row {off[0]} (counted from 0) sums to {sums[off[0]]:.6g}",
            "rows that sum to 1 within 1e-3",
            "divide each row of counts by its sum; " + _REMEDY,
        )
    return matrix / sums[:, None]
