from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tfqnoise.data import source as sources
from tfqnoise.errors import DataError
from tfqnoise.recipe import Recipe

RANDOM = np.random.default_rng(0)


def _picture(path, size=(40, 30), mode="RGB", value=None, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], len(mode)) if len(mode) > 1 else (size[1], size[0])
    pixels = RANDOM.integers(0, 256, shape, np.uint8) if value is None else np.full(shape, value, np.uint8)
    Image.fromarray(pixels, mode if mode != "L" else None).save(path, **how)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    for number in range(30):
        _picture(root / "cat" / f"{number:02d}.png", (20 + number, 50))
        _picture(root / "dog" / "more" / f"{number:02d}.JPG", (33, 20 + number))
    _picture(root / "cat" / "grey.png", mode="L")
    _picture(root / "cat" / "alpha.png", mode="RGBA")
    (root / "cat" / "notes.txt").write_text("not a picture")
    return root


def _load(dataset, **settings):
    return sources.load(Recipe(dataset=f"folder:{dataset}", **settings))


def test_subfolders_are_classes_and_paths_are_ids(folder):
    source = _load(folder)
    assert source.class_names == ("cat", "dog")
    assert source.test_labels == "as given"
    ids = set(source.train.ids) | set(source.test.ids)
    assert {"cat/00.png", "dog/more/00.JPG", "cat/grey.png", "cat/alpha.png"} <= ids
    assert len(ids) == len(source.train) + len(source.test) == 62
    for part in (source.train, source.test):
        assert part.images.shape[1:] == (32, 32, 3)
        assert part.images.dtype == np.uint8
        assert ((part.labels == 0) == np.char.startswith(part.ids, "cat")).all()


def test_the_test_set_has_a_fifth_of_each_class(tmp_path):
    names = [f"{kind}/{n}.png" for kind in "abcde" for n in range(22)]
    for name in names:
        _picture(tmp_path / name, (8, 8))
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(f"{name},{name[0]}\n" for name in names[::-1]))
    source, listed = _load(tmp_path), _load(tmp_path / "labels.csv")
    assert np.bincount(source.test.labels).tolist() == [4] * 5
    assert np.bincount(source.train.labels).tolist() == [18] * 5
    assert set(listed.test.ids) == set(source.test.ids)


def test_a_copy_elsewhere_gives_the_same(folder, tmp_path):
    moved = folder.rename(tmp_path / "elsewhere")
    one, other = _load(moved), _load(moved.rename(folder))
    np.testing.assert_array_equal(one.train.ids, other.train.ids)
    np.testing.assert_array_equal(one.train.images, other.train.images)


def test_image_size_is_the_recipes(folder):
    assert _load(folder, image_size=17).train.images.shape[1:] == (17, 17, 3)


def test_colours_and_orientation_survive(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was held upright: turn by a quarter to the right.
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20] = (250, 10, 10)
    for name in ("a", "b"):
        path = tmp_path / "p" / name / "x.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(pixels).save(path, exif=exif)
    source = _load(tmp_path / "p", image_size=8)
    picture = np.concatenate([source.train.images, source.test.images])[0]
    # The resampling filter overshoots a little beside the edge in the middle.
    assert np.abs(picture[:3].astype(int) - (250, 10, 10)).max() <= 16
    assert picture[5:].max() <= 16


def test_train_and_test_folders_are_kept_apart(folder, tmp_path):
    root = tmp_path / "split"
    root.mkdir()
    folder.rename(root / "train")
    for name in ("cat", "dog"):
        _picture(root / "test" / name / "x.png")
    source = _load(root)
    assert sorted(source.test.ids) == ["test/cat/x.png", "test/dog/x.png"]
    assert len(source.train) == 62


def test_a_csv_names_pictures_and_labels(folder):
    lines = ["path,label,remark"]
    lines += [f"cat/{n:02d}.png,left,x" for n in range(30)] + [f"dog/more/{n:02d}.JPG,right," for n in range(30)]
    (folder / "labels.csv").write_text("\n".join(lines))
    source = _load(folder / "labels.csv")
    assert source.class_names == ("left", "right")
    assert len(source.train) + len(source.test) == 60


def test_unreadable_pictures_are_named_and_left_out_only_if_asked(folder, capsys):
    (folder / "cat" / "cut.png").write_bytes((folder / "cat" / "00.png").read_bytes()[:300])
    (folder / "dog" / "text.jpg").write_text("hello")
    with pytest.raises(DataError) as caught:
        _load(folder)
    assert "2 of 64" in str(caught.value)
    assert "cat/cut.png" in str(caught.value)
    assert "dog/text.jpg (not a picture)" in str(caught.value)
    assert "--skip-unreadable" in str(caught.value)
    source = _load(folder, skip_unreadable=True)
    assert len(source.train) + len(source.test) == 62
    assert "left out: cat/cut.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "name the columns path and label"),
        ("path,label\ncat/00.png,\n", "line 2 lacks path or label"),
        (
            "path,label\ncat/01.png,x\ncat/00.png,x\n\n./cat/00.png,y\n",
            r"line 5 names ./cat/00.png again, after line 3\n.*\n.*delete line 5 or line 3$",
        ),
        ("path,label\n", "holds no pictures"),
        ("path,label\nno/such.png,x\n", "No such file"),
    ],
)
def test_a_csv_that_cant_be_used_says_why(folder, text, message):
    (folder / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        _load(folder / "labels.csv")


def test_missing_empty_and_classless_folders_say_so(tmp_path, folder):
    with pytest.raises(DataError, match="names no file or directory"):
        _load(tmp_path / "nowhere")
    with pytest.raises(DataError, match="names no file or directory"):
        sources.load(Recipe(dataset="folder:"))
    with pytest.raises(DataError, match=f"named from: this is {Path.cwd()}"):
        sources.load(Recipe(dataset="folder:photos of another directory"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        _load(tmp_path / "empty")
    for name, said in (
        ("a.jpg", "1 picture lies directly in it"),
        ("b.PNG", "2 pictures lie directly in it, not in"),
    ):
        _picture(tmp_path / "empty" / name)
        with pytest.raises(DataError, match=said) as caught:
            _load(tmp_path / "empty")
        assert "holds no" not in str(caught.value)
    (folder / "bird").mkdir()
    with pytest.raises(DataError, match=r"no pictures in class folder .*bird\n"):
        _load(folder)
    _picture(folder / "fox" / "only.png")
    with pytest.raises(DataError, match=r"no pictures in class folder .*bird, and a single one in .*fox\n"):
        _load(folder)


@pytest.mark.parametrize("names", [("train", "val"), ("train",), ("Train", "Test", "valid")])
def test_splits_are_not_taken_for_classes(folder, tmp_path, names):
    root = tmp_path / "split"
    for name in names:
        _picture(root / name / "cat" / "x.png")
    with pytest.raises(DataError, match="look like splits"):
        _load(root)


def test_sixteen_bits_and_transparency_are_seen_as_meant(tmp_path):
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(1, 64).repeat(64, axis=0)
    clear = np.zeros((64, 64, 4), np.uint8)
    for name in ("a", "b"):
        (tmp_path / "p" / name).mkdir(parents=True)
        Image.fromarray(ramp).save(tmp_path / "p" / name / "ramp.png")
        Image.fromarray(clear).save(tmp_path / "p" / name / "clear.png")
    source = _load(tmp_path / "p", image_size=64)
    pictures = {
        i.split("/")[1]: image
        for part in (source.train, source.test)
        for i, image in zip(part.ids, part.images, strict=True)
    }
    np.testing.assert_allclose(pictures["ramp.png"][5, :, 0], np.linspace(0, 255, 64), atol=1.5)
    assert (pictures["clear.png"] == 255).all()


def test_broken_exif_is_an_unreadable_picture(folder, monkeypatch):
    import struct

    from PIL import ImageOps

    def broken(image):
        raise struct.error("unpack requires a buffer of 4 bytes")

    monkeypatch.setattr(ImageOps, "exif_transpose", broken)
    with pytest.raises(DataError, match="requires a buffer"):
        _load(folder)


@pytest.mark.parametrize(("lacking", "full"), [("train", "test"), ("test", "train")])
def test_a_split_of_which_one_side_is_empty_is_not_split_anew(tmp_path, lacking, full):
    (tmp_path / lacking).mkdir()
    _picture(tmp_path / lacking / "loose.png")
    for number in range(8):
        _picture(tmp_path / full / "ab"[number % 2] / f"{number}.png")
    with pytest.raises(DataError, match=f"{lacking} holds no picture"):
        _load(tmp_path)


def test_a_name_that_is_no_text_is_said(folder):
    odd = str(folder / "cat" / "caf").encode() + b"\xe9.png"
    with open(odd, "wb") as file:
        file.write((folder / "cat" / "00.png").read_bytes())
    with pytest.raises(DataError, match=r"not text in UTF-8: 'cat/caf\\udce9.png'"):
        _load(folder)


def test_spaces_and_dots_make_no_other_class_or_picture(folder):
    names = sorted(path.name for path in (folder / "cat").glob("0*.png"))
    rows = [f"{'./' * (n % 2)}{name}, {'cat' if n % 3 else ' dog'}" for n, name in enumerate(names)]
    (folder / "cat" / "labels.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
    source = _load(folder / "cat" / "labels.csv")
    assert source.class_names == ("cat", "dog")
    assert set(source.train.ids) | set(source.test.ids) == set(names)
    (folder / "cat" / "labels.csv").write_text("path,label\n00.png,cat\n./00.png,cat\n")
    with pytest.raises(DataError, match=r"line 3 names \./00.png again, after line 2"):
        _load(folder / "cat" / "labels.csv")


def test_other_formats_are_no_pictures_whatever_they_are_called(folder):
    (folder / "cat" / "p.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(DataError, match="not a picture"):
        _load(folder)
