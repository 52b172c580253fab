"""BP4D: 41 people in eight tasks each, twelve action units coded as present or absent."""

import csv
from pathlib import Path

from tfqnoise.data.action_units import Protocol, Recording, load, matched, numbers
from tfqnoise.data.source import Source, register
from tfqnoise.errors import DataError
from tfqnoise.recipe import Recipe

_NOT_CODED = 9

_PARTS = (
    "F001 M007 F018 F008 F002 M004 F010 F009 M012 M001 F016 M014 F023 M008",
    "M011 F003 M010 M002 F005 F022 M018 M017 F013 M016 F020 F011 M013 M005",
    "F007 F015 F006 F019 M006 M009 F012 M003 F004 F021 F017 M015 F014",
)

PROTOCOL = Protocol(
    dataset="bp4d",
    units=(1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24),
    parts=tuple(tuple(part.split()) for part in _PARTS),
    sequences=tuple(f"T{number}" for number in range(1, 9)),
    layout="ROOT/AUCoding/AU_OCC/F001_T1.csv, whose first line names the action unit of each column and whose first "
    "column is the frame, and ROOT/img/F001/T1/2440.jpg",
)


@register(
    reference="Zhang et al., BP4D-Spontaneous, Image and Vision Computing 2014; folds as in Luo et al., IJCAI 2022 "
    "(arXiv:2205.01782)"
)
def bp4d(recipe: Recipe, argument: str) -> Source:
    """Action units of BP4D from your own licensed copy: bp4d:ROOT; --fold 1, 2 or 3."""
    return load(recipe, argument, PROTOCOL, _recording)


def _recording(root: Path, name: tuple[str, ...]) -> Recording | None:
    subject, sequence = name
    path = root / "AUCoding" / "AU_OCC" / f"{subject}_{sequence}.csv"
    return matched(root / "img" / subject / sequence, root, _codes(path), name) if path.is_file() else None


def _codes(path: Path) -> dict[int, list[int]]:
    """Returns the labels of each frame."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} can't be read: {error}", "a CSV file", "check the file") from error
    columns = _columns(path, header)
    found: dict[int, list[int]] = {}
    for line, row in rows:
        frame, *codes = numbers(
            path,
            line,
            [row[place] if place < len(row) else "" for place in (0, *columns)],
            f"a frame, and for each action unit 0, 1 or {_NOT_CODED} (not coded)",
            lambda values: values[0] >= 0 and set(values[1:]) <= {0, 1, _NOT_CODED},
        )
        if frame in found:
            raise DataError(f"{path} line {line} has frame {frame} again", "each frame once", "repair the file")
        found[frame] = [-1 if code == _NOT_CODED else code for code in codes]
    return found


def _columns(path: Path, header: list[str]) -> list[int]:
    """Returns where the action units stand. Their order differs between releases, so the header says it."""
    # The first cell is above the frames, whatever it says.
    units = ["", *(cell.strip().upper().removeprefix("AU").strip() for cell in header[1:])]
    places = [[place for place, unit in enumerate(units) if unit in (str(n), f"{n:02d}")] for n in PROTOCOL.units]
    wrong = [f"{len(found)} of AU{n}" for n, found in zip(PROTOCOL.units, places, strict=True) if len(found) != 1]
    if wrong:
        raise DataError(
            f"{path} has as columns, by its first line: {', '.join(wrong)}",
            f"one column for each of the action units {', '.join(map(str, PROTOCOL.units))}, named by its number",
            "copy the file again from AU_OCC of the data set",
        )
    return [found[0] for found in places]
