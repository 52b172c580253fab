import numpy as np
import pytest
from PIL import Image

from tfqnoise.data import source as sources
from tfqnoise.errors import DataError
from tfqnoise.recipe import Recipe

PARTS = [
    part.split()
    for part in (
        "F001 M007 F018 F008 F002 M004 F010 F009 M012 M001 F016 M014 F023 M008",
        "M011 F003 M010 M002 F005 F022 M018 M017 F013 M016 F020 F011 M013 M005",
        "F007 F015 F006 F019 M006 M009 F012 M003 F004 F021 F017 M015 F014",
    )
]
UNITS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
START = 2440


def _code(frame, unit):
    return (frame // 2 + unit) % 2


def _picture(path, value=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(path)


def _sequence(root, subject, task="T1", columns=(5, *UNITS, 27), frames=4, first="0", name="{}.jpg", code=_code):
    path = root / "AUCoding" / "AU_OCC" / f"{subject}_{task}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join([first, *map(str, columns)])]
    for frame in range(START, START + frames):
        codes = [code(frame, unit) if unit in UNITS else 9 for unit in columns]
        lines.append(",".join(map(str, [frame, *codes])))
        _picture(root / "img" / subject / task / name.format(frame), frame - START)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def root(tmp_path):
    for subject in ("F001", "M011", "F007"):
        _sequence(tmp_path, subject)
    return tmp_path


def _load(root, **settings):
    return sources.load(Recipe(dataset=f"bp4d:{root}", **{"image_size": 8, **settings}))


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_folds_are_exactly_the_published_ones(tmp_path, fold, capsys):
    for subject in (subject for part in PARTS for subject in part):
        for task in range(1, 9):
            _sequence(tmp_path, subject, f"T{task}", frames=1)
    source = _load(tmp_path, fold=fold)
    tested = PARTS[3 - fold]
    assert sorted(source.test.ids) == sorted(f"{s}/T{t}/{START}" for s in tested for t in range(1, 9))
    assert set(source.train.groups) == {s for part in PARTS for s in part} - set(tested)
    assert len(source.train) == 8 * (41 - len(tested))
    assert capsys.readouterr().out == ""


def test_labels_are_those_of_the_frame_and_unit(root):
    source = _load(root)
    assert source.task == "multi"
    assert source.class_names == tuple(f"AU{unit}" for unit in UNITS)
    assert source.test.ids.tolist() == [f"F007/T1/{START + n}" for n in range(4)]
    for part in (source.train, source.test):
        for name, image, labels in zip(part.ids, part.images, part.labels, strict=True):
            frame = int(name.split("/")[2])
            assert (image == frame - START).all()
            assert labels.tolist() == [_code(frame, unit) for unit in UNITS]


@pytest.mark.parametrize(
    "columns", [UNITS[::-1], [f"{unit:02d}" for unit in UNITS], [f"AU{unit}" for unit in UNITS]], ids=str
)
def test_the_header_says_where_a_unit_stands(root, columns):
    path = root / "AUCoding" / "AU_OCC" / "F007_T1.csv"
    lines = [",".join(["Frame", *map(str, columns)])]
    for frame in range(START, START + 4):
        codes = (_code(frame, int(str(unit).removeprefix("AU"))) for unit in columns)
        lines.append(",".join(map(str, [frame, *codes])))
    path.write_text("\r\n".join(lines))
    expected = [[_code(START + n, unit) for unit in UNITS] for n in range(4)]
    assert _load(root).test.labels.tolist() == expected


def test_a_number_in_the_first_cell_names_no_unit(root):
    _sequence(root, "F007", first="1")
    assert _load(root).test.labels[0].tolist() == [_code(START, unit) for unit in UNITS]


def test_nine_is_unknown_and_frames_without_any_code_are_left_out(root, capsys):
    def code(frame, unit):
        return 9 if frame == START or (frame == START + 1 and unit == 4) else 1

    _sequence(root, "F007", code=code)
    source = _load(root)
    assert source.test.ids.tolist() == [f"F007/T1/{START + n}" for n in (1, 2, 3)]
    assert source.test.labels[0].tolist() == [1, 1, -1, *[1] * 9]
    assert (source.test.labels[1:] == 1).all()
    assert "bp4d: left out 1 frames not coded\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["{:07d}.jpg", "{:04d}.png", "{}.jpeg"])
def test_pictures_are_found_by_number(tmp_path, name):
    for subject in ("F001", "M011", "F007"):
        _sequence(tmp_path, subject, name=name)
    assert _load(tmp_path).test.ids.tolist() == [f"F007/T1/{START + n}" for n in range(4)]


def test_frames_without_a_counterpart_are_counted(root, capsys):
    folder = root / "img" / "F007" / "T1"
    (folder / f"{START + 1}.jpg").unlink()
    for number in (1, 2, 9999):
        _picture(folder / f"{number}.jpg")
    assert _load(root).test.ids.tolist() == [f"F007/T1/{START + n}" for n in (0, 2, 3)]
    expected = "bp4d: left out 1 labelled frames without a picture, 3 pictures without a label\n"
    assert expected in capsys.readouterr().out


def test_missing_subjects_and_sequences_are_named(root, capsys):
    _sequence(root, "F007", "T3")
    assert len(_load(root).test) == 8
    text = capsys.readouterr().out
    assert "NOT the full protocol" in text
    assert "Absent subjects: M007, F018" in text
    assert "F001/T2, F001/T3" in text
    assert "F007/T3" not in text


def test_a_missing_part_is_an_error(root):
    (root / "AUCoding" / "AU_OCC" / "M011_T1.csv").unlink()
    with pytest.raises(DataError) as caught:
        _load(root)
    assert "no subject of part 2" in str(caught.value)
    assert all(name in str(caught.value) for name in [*PARTS[1], *PARTS[0][1:], *PARTS[2][1:]])


def test_a_wrong_root_is_told_the_layout(tmp_path):
    with pytest.raises(DataError, match=r"AUCoding/AU_OCC/F001_T1.csv"):
        _load(tmp_path)
    with pytest.raises(DataError, match="names no directory"):
        _load(tmp_path / "none")


@pytest.mark.parametrize(
    ("columns", "message"),
    [(UNITS[1:], "0 of AU1"), ((*UNITS, 12), "2 of AU12"), ([f"x{unit}" for unit in UNITS], "0 of AU1, 0 of AU2")],
)
def test_a_header_that_lacks_a_unit_is_refused(root, columns, message):
    path = root / "AUCoding" / "AU_OCC" / "F007_T1.csv"
    path.write_text(",".join(["0", *map(str, columns)]) + f"\n{START}" + ",0" * len(columns))
    with pytest.raises(DataError, match=message):
        _load(root)


@pytest.mark.parametrize("line", ["x" + ",0" * 14, f"{START}" + ",0" * 5, f"{START}" + ",2" * 14, f"{START},9" * 7])
def test_a_broken_line_is_named(root, line):
    path = root / "AUCoding" / "AU_OCC" / "F007_T1.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], line, *lines[2:]]))
    with pytest.raises(DataError, match=r"F007_T1.csv line 2 "):
        _load(root)


def test_a_frame_twice_is_refused(root):
    path = root / "AUCoding" / "AU_OCC" / "F007_T1.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[1])
    with pytest.raises(DataError, match=f"line 6 has frame {START} again"):
        _load(root)
