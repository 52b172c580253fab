"""Drawn faces whose parts move with action units, in the layouts of DISFA and BP4D.

The real data may not be passed on. These drawings try the whole road, from training to the F1 of an exported model,
without them. They are drawings: a figure measured on them says nothing about faces.

    draw("drawn", "disfa"); then --dataset disfa:drawn --fold 1
"""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise.data.action_units import Protocol
from tfqnoise.data.sources.bp4d import PROTOCOL as BP4D
from tfqnoise.data.sources.disfa import PROTOCOL as DISFA
from tfqnoise.errors import DataError, UsageError, did_you_mean

LAYOUTS = {"disfa": DISFA, "bp4d": BP4D}
_NOTICE = (
    "These faces are drawn by tfqnoise. They show nobody, and figures measured on them say nothing about faces.\n"
)
_UNITS = (1, 2, 4, 6, 7, 9, 10, 12, 14, 15, 17, 23, 24, 25, 26)
# Units that often come together, as in a smile (6 and 12).
_TOGETHER = {2: 1, 12: 6, 26: 25, 10: 7, 24: 23, 17: 15}
# Pictures are drawn larger, which smooths their edges.
_SIDE, _ENLARGED = 96, 2
_PRESENT = 2


def draw(root: str | Path, layout: str, *, subjects: int = 12, frames: int = 60, seed: int = 0) -> None:
    """Writes labels and pictures.

    Args:
        root: a directory that isn't there yet, or is empty.
        layout: "disfa" or "bp4d".
        subjects: people, spread over the three parts; 3 at least.
        frames: frames of each, 8 at least.
        seed: another seed draws other people.

    Raises:
        UsageError: for an unknown layout or too few or too many subjects or frames.
        DataError: if there is something at `root`.
    """
    if layout not in LAYOUTS:
        raise UsageError(f"layout '{layout}'", "a layout that can be drawn", did_you_mean(layout, LAYOUTS))
    protocol, root = LAYOUTS[layout], Path(root).expanduser()
    people = sum(len(part) for part in protocol.parts)
    if not 3 <= subjects <= people or frames < 8:
        raise UsageError(
            f"{subjects} subjects of {frames} frames",
            f"3 to {people} subjects, so that each part has one, of 8 frames or more",
            "choose numbers inside these limits",
        )
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DataError(f"{root} is there already", "a directory of its own", "choose another path or remove it")
    root.mkdir(parents=True, exist_ok=True)
    (root / "DRAWN.txt").write_text(_NOTICE)
    for number in range(subjects):
        part, place = number % 3, number // 3
        random = np.random.default_rng([seed, number])
        # What isn't coded moves too.
        states = dict(zip(_UNITS, _intensities(random, frames), strict=True))
        pictures = _pictures(random, states)
        (_write_disfa if layout == "disfa" else _write_bp4d)(
            root, protocol.parts[part][place], states, pictures, protocol, random
        )


def _intensities(random: np.random.Generator, frames: int) -> np.ndarray:
    """Returns intensities from 0 to 5 that come and go, float64 [U, N]; a quarter or so is present (2 or more)."""
    window = np.hanning(9)[1:-1]
    noise = random.normal(size=(len(_UNITS), frames + len(window) - 1))
    smooth = np.stack([np.convolve(row, window, "valid") for row in noise])
    for unit, other in _TOGETHER.items():
        smooth[_UNITS.index(unit)] = 0.8 * smooth[_UNITS.index(unit)] + 0.6 * smooth[_UNITS.index(other)]
    standard = (smooth - smooth.mean(axis=1, keepdims=True)) / smooth.std(axis=1, keepdims=True)
    return np.clip(2 * standard, 0, 5)


def _write_disfa(root: Path, subject: str, states: Any, pictures: list[Any], protocol: Protocol, random: Any) -> None:
    labels, images = root / "ActionUnit_Labels" / subject, root / "img" / subject
    labels.mkdir(parents=True)
    images.mkdir(parents=True)
    for unit in protocol.units:
        rounded = np.round(states[unit]).astype(int)
        lines = (f"{frame},{value}\n" for frame, value in enumerate(rounded.tolist(), 1))
        (labels / f"{subject}_au{unit}.txt").write_text("".join(lines))
    for number, picture in enumerate(pictures):
        picture.save(images / f"{number}.png")


def _write_bp4d(root: Path, subject: str, states: Any, pictures: list[Any], protocol: Protocol, random: Any) -> None:
    folder = root / "AUCoding" / "AU_OCC"
    folder.mkdir(parents=True, exist_ok=True)
    present = {unit: (np.round(states[unit]) >= _PRESENT).astype(int) for unit in protocol.units}
    # The release has columns of more units, most of them not coded at all.
    columns = sorted({*protocol.units, 5, 9, 11, 13})
    for sequence, rows in zip(protocol.sequences, np.array_split(np.arange(len(pictures)), 8), strict=True):
        images = root / "img" / subject / sequence
        images.mkdir(parents=True)
        # Coded is a stretch in the middle of each video.
        start = int(random.integers(1, 3000))
        with (folder / f"{subject}_{sequence}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([0, *columns])
            for frame, row in enumerate(rows.tolist(), start):
                # Now and then a coder can't say.
                hidden = random.random(len(columns)) < 0.02
                codes = [
                    9 if unit not in present or unsure else present[unit][row]
                    for unit, unsure in zip(columns, hidden, strict=True)
                ]
                writer.writerow([frame, *codes])
                pictures[row].save(images / f"{frame}.jpg", quality=90)


def _pictures(random: np.random.Generator, states: dict[int, np.ndarray]) -> list[Any]:
    """Draws one person's frames."""
    from PIL import Image, ImageDraw

    person = _person(random)
    side = _SIDE * _ENLARGED
    frames = len(next(iter(states.values())))
    # A head sways and turns slowly.
    sway = np.cumsum(random.normal(0, 0.012, (frames, 4)), axis=0)
    sway = 0.04 * np.tanh(sway / 0.04)
    drawn = []
    for frame in range(frames):
        image = Image.new("RGB", (side, side), person["background"])
        face = _Face(ImageDraw.Draw(image), side, sway[frame], person)
        face.draw({unit: float(row[frame]) / 5 for unit, row in states.items()})
        small = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float64)
        # Light from one side, and a little grain.
        light = 1 + person["light"] * np.linspace(-1, 1, _SIDE)[None, :, None] + sway[frame, 3]
        grain = random.normal(0, 2, (_SIDE, _SIDE, 1))
        drawn.append(Image.fromarray(np.clip(small * light + grain, 0, 255).astype(np.uint8)))
    return drawn


def _person(random: np.random.Generator) -> dict[str, Any]:
    """Returns what stays the same about a person."""
    skin = np.array([236, 196, 166]) * random.uniform(0.6, 1.05) + random.normal(0, 6, 3)
    shades = {
        "skin": skin,
        "line": skin * 0.62,
        "lip": skin * (0.95, 0.58, 0.58),
        "hair": np.array([110, 80, 50]) * random.uniform(0.2, 1.1),
    }
    colours = {name: tuple(np.clip(value, 0, 255).astype(int).tolist()) for name, value in shades.items()}
    return {
        **colours,
        "background": tuple((random.integers(90, 200) + random.integers(-25, 26, 3)).tolist()),
        "light": random.uniform(-0.15, 0.15),
        "width": random.uniform(0.58, 0.70),
        "eye": random.uniform(0.24, 0.29),
        "lid": random.uniform(0.075, 0.095),
        "brow": random.uniform(-0.37, -0.33),
        "thick": random.uniform(0.03, 0.06),
        "mouth": random.uniform(0.20, 0.26),
        "lips": random.uniform(0.045, 0.065),
        "nose": random.uniform(0.10, 0.14),
        "fringe": random.uniform(-0.62, -0.52),
    }


class _Face:
    """Draws in face coordinates: the face is about 2 high, its middle is (0, 0), y points down."""

    def __init__(self, canvas: Any, side: int, pose: np.ndarray, person: dict[str, Any]) -> None:
        self._canvas, self._person, self._scale = canvas, person, side * 0.46 * (1 + pose[2])
        self._middle = side * (0.5 + pose[:2])
        cos, sin = np.cos(3 * pose[3]), np.sin(3 * pose[3])
        self._turn = np.array([[cos, -sin], [sin, cos]])

    def draw(self, au: dict[int, float]) -> None:
        """Draws a face with the action units' strengths, each from 0 to 1."""
        self._head(au)
        for side in (-1, 1):
            self._eye(side, au)
            self._brow(side, au)
            self._cheek(side, au)
        self._nose(au)
        self._mouth(au)

    def _points(self, x: Any, y: Any) -> list[tuple[float, float]]:
        points = np.stack(np.broadcast_arrays(x, y), axis=-1) @ self._turn.T * self._scale + self._middle
        return [tuple(point) for point in points.tolist()]

    def _area(self, x: Any, y: Any, colour: Any) -> None:
        self._canvas.polygon(self._points(x, y), fill=colour)

    def _line(self, x: Any, y: Any, width: float, colour: str = "line") -> None:
        pixels = max(1, round(width * self._scale))
        self._canvas.line(self._points(x, y), fill=self._person[colour], width=pixels, joint="curve")

    def _oval(self, x: float, y: float, width: float, height: float, colour: Any) -> None:
        angle = np.linspace(0, 2 * np.pi, 40)
        self._area(x + width * np.cos(angle), y + height * np.sin(angle), colour)

    def _head(self, au: dict[int, float]) -> None:
        who = self._person
        self._oval(0, -0.2, who["width"] + 0.12, 0.78, who["hair"])
        angle = np.linspace(0, 2 * np.pi, 60)
        # A dropping jaw (26) makes the lower half longer.
        height = np.where(np.sin(angle) > 0, 0.86 + 0.12 * au[26], 0.80)
        self._area(who["width"] * np.cos(angle), height * np.sin(angle), who["skin"])
        top = np.linspace(-0.9, 0.9, 20) * who["width"]
        self._area([*top, *top[::-1]], [*(-0.9 + 0.6 * top**2), *(who["fringe"] + 0.5 * top[::-1] ** 2)], who["hair"])

    def _eye(self, side: int, au: dict[int, float]) -> None:
        who, x = self._person, side * self._person["eye"]
        # Tight lids (7) narrow the eye from above and below, cheeks (6) push the lower lid up.
        upper, lower = who["lid"] * (1 - 0.6 * au[7]), who["lid"] * (0.8 - 0.45 * au[7] - 0.3 * au[6])
        across = np.linspace(-1, 1, 15)
        arc = 1 - across**2
        outline = (
            [*(x + 0.13 * across), *(x + 0.13 * across[::-1])],
            [*(-0.15 - upper * arc), *(-0.15 + lower * arc)],
        )
        self._area(*outline, (240, 240, 235))
        open_ = min(0.06, (upper + lower) / 2)
        self._oval(x, -0.15 + (lower - upper) / 2, 0.055, open_, (40, 30, 25))
        self._line(x + 0.14 * across, -0.15 - upper * arc, 0.025)

    def _brow(self, side: int, au: dict[int, float]) -> None:
        who = self._person
        # 1 lifts the inner end, 2 the outer one, 4 lowers and draws together.
        inner = who["brow"] - 0.13 * au[1] + 0.12 * au[4] + 0.04 * au[9]
        outer = who["brow"] + 0.03 - 0.13 * au[2] + 0.05 * au[4]
        x = side * np.array([0.10 - 0.05 * au[4], who["eye"], who["eye"] + 0.16])
        y = np.array([inner, (inner + outer) / 2 - 0.04, outer])
        self._line(x, y, who["thick"], "hair")
        if au[4] > 0.1:
            self._line(side * np.array([0.03, 0.04]), np.array([-0.36, -0.25]), 0.012 + 0.02 * au[4])
        if au[1] > 0.1:
            self._line(side * np.array([0.0, 0.12]), np.array([-0.47, -0.47]), 0.02 * au[1])

    def _cheek(self, side: int, au: dict[int, float]) -> None:
        who = self._person
        across = np.linspace(-1, 1, 9)
        if au[6] > 0.1:  # A pouch under the eye and crow's feet beside it.
            self._line(side * who["eye"] + 0.13 * across, 0.02 - 0.05 * au[6] + 0.05 * (1 - across**2), 0.035 * au[6])
            for rise in (-0.06, 0.0, 0.06):
                x = side * (who["eye"] + np.array([0.17, 0.24]))
                self._line(x, -0.15 + np.array([0, rise]), 0.03 * au[6])
        if au[10] > 0.1:  # The furrow from the nose to beside the mouth.
            self._line(side * np.array([0.14, 0.24, 0.28]), np.array([0.16, 0.24, 0.36]), 0.045 * au[10])
        if au[14] > 0.1:
            x = side * (who["mouth"] + 0.09 + 0.02 * (1 - across**2))
            self._line(x, 0.47 + 0.07 * across, 0.055 * au[14])

    def _nose(self, au: dict[int, float]) -> None:
        who, rise = self._person, 0.05 * au[9]
        self._line([0.03, 0.06, who["nose"]], [-0.12, 0.10, 0.19 - rise], 0.015)
        self._line([-who["nose"], -0.03, 0.03, who["nose"]], [0.19 - rise, 0.22, 0.22, 0.19 - rise], 0.025)
        if au[9] > 0.1:  # Wrinkles across its root.
            for y in (-0.16, -0.09, -0.02):
                self._line([-0.09, 0, 0.09], [y + 0.03, y, y + 0.03], 0.035 * au[9])

    def _mouth(self, au: dict[int, float]) -> None:
        who = self._person
        width = who["mouth"] + 0.07 * au[12] - 0.09 * au[23]
        corner = 0.47 - 0.11 * au[12] + 0.10 * au[15]
        lips = who["lips"] * (1 - 0.5 * au[23]) * (1 - 0.75 * au[24])
        # 25 parts the lips, and a dropped jaw (26) leaves them apart too; pressed ones stay shut.
        gap = (0.07 * au[25] + 0.12 * au[26]) * (1 - 0.7 * au[24])
        across = np.linspace(-1, 1, 21)
        arc = 1 - across**2
        line = 0.47 + (corner - 0.47) * across**2
        above, below = line - arc * (0.3 * gap + 0.05 * au[10]), line + arc * (0.7 * gap - 0.03 * au[17])
        x = width * across
        upper, lower = above - arc * (lips + 0.02 * au[10]), below + arc * lips * 1.2
        self._area([*x, *x[::-1]], [*upper, *lower[::-1]], who["lip"])
        self._area([*x, *x[::-1]], [*above, *below[::-1]], (60, 20, 25))
        self._line(x, (above + below) / 2, 0.012)
        if au[23] > 0.1:  # Tight lips are drawn in, with fine lines around them.
            for place in (-0.5, 0.5):
                self._line(width * np.array([place, place]), 0.47 - np.array([0.10, 0.16]), 0.03 * au[23])
        if au[24] > 0.1:  # Pressed lips bulge above and below.
            self._line(0.8 * x, 0.47 + 0.09 + 0.03 * arc, 0.03 * au[24])
        if au[17] > 0.1:  # A chin pushed up wrinkles.
            self._line(0.5 * x, 0.72 - 0.05 * arc, 0.05 * au[17])
