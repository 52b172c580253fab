"""Transition matrices in files: row = true label, column = given label, rows summing to 1."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise.errors import DataError

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
    try:
        text = Path(path).read_text(encoding="utf-8-sig").strip()
        if text.startswith(("{", "[")):
            content = json.loads(text)
            rows = content.get("transition_matrix") if isinstance(content, dict) else content
        else:
            rows = [[float(cell) for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}", "a readable transition matrix", _REMEDY) from error
    if rows is None:
        raise DataError(f"{path} without a 'transition_matrix'", "JSON that has one", _REMEDY)
    return checked(rows, str(path))


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
    try:
        matrix = np.asarray(rows, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{source}: {error}", "rows of numbers, all of one length", _REMEDY) from error
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
