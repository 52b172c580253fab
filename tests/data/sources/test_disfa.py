import shutil

import numpy as np
import pytest
from PIL import Image

from tfqnoise.data import dataset as data
from tfqnoise.data import source as sources
from tfqnoise.errors import DataError
from tfqnoise.recipe import Recipe

# Written down once more: a slip in the source must not be repeated here.
PARTS = [
    part.split()
    for part in (
        "SN002 SN010 SN001 SN026 SN027 SN032 SN030 SN009 SN016",
        "SN013 SN018 SN011 SN028 SN012 SN006 SN031 SN021 SN024",
        "SN003 SN029 SN023 SN025 SN008 SN005 SN007 SN017 SN004",
    )
]
UNITS = (1, 2, 4, 6, 9, 12, 25, 26)
FRAMES = 12


def _intensity(frame, unit):
    return (frame + unit) % 6


def _picture(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((10, 10, 3), value, np.uint8)).save(path)


def _subject(root, name, frames=FRAMES):
    labels = root / "ActionUnit_Labels" / name
    labels.mkdir(parents=True)
    # The release has more units than are evaluated.
    for unit in (*UNITS, 5, 15):
        lines = [f"{frame},{_intensity(frame, unit)}\n" for frame in range(1, frames + 1)]
        (labels / f"{name}_au{unit}.txt").write_text("".join(lines))
    for number in range(frames):
        _picture(root / "img" / name / f"{number}.png", 10 * number)


@pytest.fixture
def root(tmp_path):
    for name in ("SN001", "SN002", "SN013", "SN018", "SN003", "SN029"):
        _subject(tmp_path / "disfa", name)
    return tmp_path / "disfa"


def _load(root, **settings):
    return sources.load(Recipe(dataset=f"disfa:{root}", **{"image_size": 8, **settings}))


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_folds_are_exactly_the_published_ones(tmp_path, fold, capsys):
    for part in PARTS:
        for name in part:
            _subject(tmp_path, name, frames=1)
    source = _load(tmp_path, fold=fold)
    tested = PARTS[{1: 2, 2: 1, 3: 0}[fold]]
    assert sorted(source.test.groups) == sorted(tested)
    assert sorted(source.train.groups) == sorted({name for part in PARTS for name in part} - set(tested))
    assert capsys.readouterr().out == ""


def test_picture_t_has_the_labels_of_line_t(root):
    source = _load(root)
    assert (source.task, source.test_labels) == ("multi", "as given")
    assert source.class_names == ("AU1", "AU2", "AU4", "AU6", "AU9", "AU12", "AU25", "AU26")
    assert source.train.labels.shape == (4 * FRAMES, 8)
    assert set(source.test.ids) == {f"{name}/{t}" for name in ("SN003", "SN029") for t in range(FRAMES)}
    for part in (source.train, source.test):
        for name, group, image, labels in zip(part.ids, part.groups, part.images, part.labels, strict=True):
            subject, number = name.split("/")
            assert group == subject
            assert (image == 10 * int(number)).all()
            # Present from intensity 2 on.
            assert labels.tolist() == [int(_intensity(int(number) + 1, unit) >= 2) for unit in UNITS]


def test_gaps_and_disorder_shift_no_label(root, capsys):
    labels = root / "ActionUnit_Labels" / "SN003"
    for path in labels.iterdir():
        lines = path.read_text().splitlines()
        # Frame 5 has no label, frame 3 stands last.
        path.write_text("\n".join([*lines[:2], lines[3], *lines[5:], lines[2], "", ""]))
    (root / "img" / "SN003" / "7.png").unlink()
    _picture(root / "img" / "SN003" / "notes.png", 0)
    source = _load(root)
    rows = {i: row.tolist() for i, row in zip(source.test.ids, source.test.labels, strict=True)}
    assert sorted(int(i[6:]) for i in rows if i.startswith("SN003")) == [0, 1, 2, 3, 5, 6, 8, 9, 10, 11]
    for number in (2, 3, 5):
        assert rows[f"SN003/{number}"] == [int(_intensity(number + 1, unit) >= 2) for unit in UNITS]
    assert "left out 1 labelled frames without a picture, 2 pictures without a label" in capsys.readouterr().out


def test_a_frame_that_one_file_lacks_is_unknown_there(root):
    path = root / "ActionUnit_Labels" / "SN003" / "SN003_au4.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    source = _load(root)
    row = source.test.labels[source.test.ids == "SN003/11"][0]
    assert row[2] == -1
    assert (np.delete(row, 2) >= 0).all()


def test_padded_numbers_and_jpeg_are_the_same_pictures(root):
    for number in range(FRAMES):
        path = root / "img" / "SN003" / f"{number}.png"
        Image.open(path).save(root / "img" / "SN003" / f"{number:05d}.JPG", format="JPEG")
        path.unlink()
    assert "SN003/7" in _load(root).test.ids


def test_a_copy_that_counts_pictures_from_one_is_refused(root):
    folder = root / "img" / "SN003"
    (folder / "0.png").rename(folder / f"{FRAMES}.png")
    with pytest.raises(DataError, match="each label would be a frame off"):
        _load(root)


def test_a_copy_that_may_count_from_one_is_said(root, capsys):
    for number in reversed(range(FRAMES)):
        (root / "img/SN001" / f"{number}.png").rename(root / "img/SN001" / f"{number + 1}.png")
    (root / "img/SN001" / f"{FRAMES}.png").unlink()
    _load(root)
    assert "no picture 0; if 1 shows the first frame, labels are one off" in capsys.readouterr().out
    # With more pictures than frames there is no doubt.
    for number in (FRAMES, FRAMES + 1):
        _picture(root / "img/SN001" / f"{number}.png", 0)
    with pytest.raises(DataError, match="counted from 1"):
        _load(root)


def test_a_number_twice_is_refused(root):
    _picture(root / "img" / "SN003" / "03.png", 0)
    with pytest.raises(DataError, match=r"03.png and 3.png .* both number 3"):
        _load(root)


def test_a_part_of_the_subjects_is_said_not_to_be_the_protocol(root, capsys):
    _load(root)
    text = capsys.readouterr().out
    assert "NOT the full protocol" in text
    assert "Absent subjects: SN010, SN026," in text
    assert "SN013" not in text


def test_a_part_without_a_subject_is_an_error_that_names_all_absent_ones(root):
    for name in ("SN003", "SN029"):
        shutil.rmtree(root / "img" / name)
    with pytest.raises(DataError) as caught:
        _load(root)
    assert "no subject of part 3" in str(caught.value)
    assert all(name in str(caught.value) for name in [*PARTS[2], *PARTS[0][3:], *PARTS[1][2:]])


@pytest.mark.parametrize("argument", ["", "/no/such"])
def test_no_root_is_an_error(argument):
    with pytest.raises(DataError, match="names no directory"):
        _load(argument)


def test_a_wrong_root_is_told_the_layout(tmp_path):
    with pytest.raises(DataError, match=r"ActionUnit_Labels/SN001/SN001_au1.txt"):
        _load(tmp_path)


def test_missing_label_files_are_named(root):
    for unit in (6, 26):
        (root / "ActionUnit_Labels" / "SN003" / f"SN003_au{unit}.txt").unlink()
    with pytest.raises(DataError, match=r"lacks SN003_au6.txt, SN003_au26.txt"):
        _load(root)


@pytest.mark.parametrize("line", ["x,1", "4", "4,1,2", "4,6", "4,-1", "4,1.5", "4,nan", "0,1", "2,1"])
def test_a_broken_line_is_named(root, line):
    path = root / "ActionUnit_Labels" / "SN003" / "SN003_au1.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], line, *lines[4:]]))
    with pytest.raises(DataError, match=r"SN003_au1.txt line 4 "):
        _load(root)


def test_unreadable_pictures_go_with_their_labels(root, capsys):
    (root / "img" / "SN003" / "4.png").write_text("hello")
    with pytest.raises(DataError, match=r"img/SN003/4.png"):
        _load(root)
    source = _load(root, skip_unreadable=True)
    assert len(source.test) == len(source.test.labels) == len(source.test.groups) == 2 * FRAMES - 1
    assert "SN003/4" not in source.test.ids
    assert (source.test.images[source.test.ids == "SN003/5"] == 50).all()


def test_validation_holds_out_whole_people(root):
    loaded = data.load(Recipe(dataset=f"disfa:{root}", fold=1, image_size=8))
    train, held = set(loaded.train.examples.groups), set(loaded.validation.examples.groups)
    assert len(held) == 1
    assert len(train) == 3
    assert not held & train
    assert list(loaded.train.examples.ids) == sorted(loaded.train.examples.ids)
    assert [i.split("/")[0] for i in loaded.train.examples.ids] == loaded.train.examples.groups.tolist()
    assert loaded.label_weights.shape == (8,)
