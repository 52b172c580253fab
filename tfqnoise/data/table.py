"""CSV files that a user writes: a first line that names the columns, then rows."""

import csv
from collections.abc import Sequence
from pathlib import Path

from tfqnoise.errors import DataError


def read(path: Path, needed: Sequence[str]) -> tuple[list[str], dict[int, dict[str, str]]]:
    """Returns the columns of a CSV file and its rows by line number; a cell that a short row lacks is empty.

    Args:
        path: the file.
        needed: columns that it must have.

    Raises:
        DataError: if it is unreadable or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            columns = list(reader.fieldnames or ())
            rows = dict((reader.line_num, row) for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} can't be read: {error}", "a CSV file in UTF-8", "check the file") from error
    if not set(needed) <= set(columns):
        words = " and ".join(needed)
        raise DataError(
            f"{path} has the columns {', '.join(columns) or 'of an empty file'}",
            f"the columns {words}, named in the first line",
            f"name the columns {words} in the first line, separated by commas",
        )
    return columns, rows
