"""DISFA: 27 people watching a film, eight action units coded with an intensity in each frame."""

from pathlib import Path

from tfqnoise.data.action_units import Protocol, Recording, load, matched, numbers
from tfqnoise.data.source import Source, register
from tfqnoise.errors import DataError
from tfqnoise.recipe import Recipe

# Intensities go from 0 to 5; published figures count a unit as present from here on.
_PRESENT = 2

PROTOCOL = Protocol(
    dataset="disfa",
    units=(1, 2, 4, 6, 9, 12, 25, 26),
    parts=(
        ("SN002", "SN010", "SN001", "SN026", "SN027", "SN032", "SN030", "SN009", "SN016"),
        ("SN013", "SN018", "SN011", "SN028", "SN012", "SN006", "SN031", "SN021", "SN024"),
        ("SN003", "SN029", "SN023", "SN025", "SN008", "SN005", "SN007", "SN017", "SN004"),
    ),
    sequences=(),
    layout="ROOT/ActionUnit_Labels/SN001/SN001_au1.txt with lines frame,intensity from frame 1 on, and "
    "ROOT/img/SN001/0.png, where picture t shows frame t + 1",
)


@register(
    reference="Mavadati et al., DISFA, IEEE Trans. Affective Computing 2013; folds as in Luo et al., IJCAI 2022 "
    "(arXiv:2205.01782)"
)
def disfa(recipe: Recipe, argument: str) -> Source:
    """Action units of DISFA from your own licensed copy: disfa:ROOT; --fold 1, 2 or 3."""
    return load(recipe, argument, PROTOCOL, _recording)


def _recording(root: Path, name: tuple[str, ...]) -> Recording | None:
    (subject,) = name
    folder = root / "ActionUnit_Labels" / subject
    if not folder.is_dir():
        return None
    files = [folder / f"{subject}_au{unit}.txt" for unit in PROTOCOL.units]
    absent = [file.name for file in files if not file.is_file()]
    if absent:
        raise DataError(
            f"{folder} lacks {', '.join(absent)}",
            f"a file for each of the action units {', '.join(map(str, PROTOCOL.units))}",
            "copy them from the data set, or remove the folder to leave the subject out",
        )
    labels: dict[int, list[int]] = {}
    for place, file in enumerate(files):
        for frame, intensity in _intensities(file).items():
            # A frame that only some files know is unknown in the others.
            row = labels.setdefault(frame - 1, [-1] * len(files))
            row[place] = int(intensity >= _PRESENT)
    return matched(root / "img" / subject, root, labels, name, first_picture=0)


def _intensities(path: Path) -> dict[int, int]:
    """Returns the intensity of each frame, whatever the order of the lines."""
    found: dict[int, int] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} can't be read: {error}", "lines frame,intensity", "check the file") from error
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        frame, intensity = numbers(
            path,
            line,
            text.split(","),
            "frame,intensity: a frame from 1 on, an intensity from 0 to 5",
            lambda values: len(values) == 2 and values[0] >= 1 and 0 <= values[1] <= 5,
        )
        if frame in found:
            raise DataError(f"{path} line {line} has frame {frame} again", "each frame once", "repair the file")
        found[frame] = intensity
    return found
