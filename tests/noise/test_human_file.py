import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from tfqnoise.errors import DataError
from tfqnoise.noise import human_file

ARRAYS = {"clean_label": np.arange(300) % 10, "worse_label": np.arange(300)[::-1] % 7}


class _Call:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def _written(path, content, name="archive/data.pkl", **settings):
    with zipfile.ZipFile(path, "w", **settings) as archive:
        archive.writestr(name, content if isinstance(content, bytes) else pickle.dumps(content, protocol=2))
    return str(path)


@pytest.mark.parametrize("name", ["archive/data.pkl", "data.pkl", "CIFAR-10_human/data.pkl"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_arrays_come_back(tmp_path, name, compression):
    found = human_file.read(_written(tmp_path / "human.pt", ARRAYS, name, compression=compression))
    assert list(found) == list(ARRAYS)
    for key, values in ARRAYS.items():
        np.testing.assert_array_equal(found[key], values)
        assert found[key].dtype == np.int64


def test_the_official_file(shared):
    found = human_file.read(str(shared / "data/cifar10n/CIFAR-10_human.pt"))
    assert sorted(found) == ["aggre_label", "clean_label", *(f"random_label{n}" for n in (1, 2, 3)), "worse_label"]
    assert all(labels.shape == (50_000,) and set(np.unique(labels)) == set(range(10)) for labels in found.values())
    np.testing.assert_array_equal(np.bincount(found["clean_label"]), 5000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_Call(print, "pwned"), r"asks for __builtin__[.]print"),
        (_Call(os.system, "false"), r"asks for \w+[.]system"),
        ({"clean_label": _Call(exec, "raise SystemExit")}, r"asks for __builtin__[.]exec"),
        ({"clean_label": np.arange(3.0)}, "dtype with"),
        ({"clean_label": np.arange(3, dtype=np.int32)}, "dtype with"),
        ({"clean_label": np.arange(3, dtype=">i8")}, "not of little-endian int64"),
        ({"clean_label": np.array([print])}, "dtype with"),
        ({"clean_label": np.zeros((2, 2), np.int64)}, "too many values"),
        ({"clean_label": np.arange(3), "x": "text"}, "more than arrays"),
        ({"clean_label": np.arange(3), "x": 1.5}, "instruction BINFLOAT"),
        ({"clean_label": [1, 2]}, "instruction EMPTY_LIST"),
        ("text", "damaged or of another form"),
        (pickle.dumps(ARRAYS, protocol=4), "instruction"),
        (pickle.dumps(ARRAYS, protocol=2)[:-500], "damaged"),
        (b"", "damaged"),
        (b"\x80\x02.", "damaged"),
        (b"\x80\x02}q\x00h\x07.", "damaged"),
        (b"\x80\x02}u.", "damaged"),
        (b"\x80\x02X\xff\xff\xff\xffabc.", "damaged"),
        (b"\x80\x02X\x01\x00\x00\x00a)R.", "instruction EMPTY_TUPLE"),
        (b"\x80\x02X\x01\x00\x00\x00aX\x01\x00\x00\x00aR.", "calls what is no function"),
        (b"\x80\x02X\x01\x00\x00\x00aX\x01\x00\x00\x00ab.", "completes what is no array"),
        (b"\x80\x02" + b"N" * 20_000 + b".", "more than 10000 instructions"),
        # A tuple in a tuple in …, and one that doubles with each step: showing either would take for ever.
        (b"\x80\x02cnumpy\nndarray\nN" + b"\x85" * 3000 + b"R.", "ndarray with other arguments"),
        (b"\x80\x02cnumpy\nndarray\nN" + b"q\x00h\x00\x86" * 200 + b"R.", "ndarray with other arguments"),
        (b"\x80\x02}(N" + b"q\x00h\x00\x86" * 200 + b"Nu.", "keys are not text"),
        (b"\xff", "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_else_is_refused(tmp_path, content, message):
    with pytest.raises(DataError, match=message) as error:
        human_file.read(_written(tmp_path / "human.pt", content))
    assert "CIFAR-10_human.pt as its authors publish it" in str(error.value)
    assert len(str(error.value)) < 700


def test_an_array_says_how_long_it_is(tmp_path):
    content = pickle.dumps({"clean_label": np.arange(3)}, protocol=2).replace(b"K\x03\x85", b"K\x04\x85")
    with pytest.raises(DataError, match="3 values that says 4"):
        human_file.read(_written(tmp_path / "human.pt", content))


def test_what_is_no_archive_of_one_pickle_is_refused(tmp_path):
    path = tmp_path / "human.pt"
    with pytest.raises(DataError, match="No such file"):
        human_file.read(str(path))
    with pytest.raises(DataError, match="can't be read"):
        human_file.read(str(tmp_path))
    path.write_bytes(pickle.dumps(ARRAYS))
    with pytest.raises(DataError, match="not a zip file"):
        human_file.read(str(path))
    with pytest.raises(DataError, match=r"has 0 data\.pkl"):
        human_file.read(_written(path, ARRAYS, "archive/other.pkl"))
    with pytest.raises(DataError, match="packed in a rare way"):
        human_file.read(_written(path, ARRAYS, compression=zipfile.ZIP_LZMA))


def test_a_damaged_archive_is_refused(tmp_path):
    path = tmp_path / "human.pt"
    _written(path, ARRAYS, compression=zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    path.write_bytes(whole[:60] + bytes(40) + whole[100:])
    with pytest.raises(DataError, match="human labels"):
        human_file.read(str(path))


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "human.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("data.pkl", "w") as file:
        for _ in range(65):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="more than 64 MB"):
        human_file.read(str(path))
    # The same with a size that isn't true.
    content = path.read_bytes().replace((65 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.getinfo("data.pkl").file_size == 1000
    path.write_bytes(content)
    with pytest.raises(DataError, match="human labels"):
        human_file.read(str(path))


def test_bytes_that_are_used_often_are_held_once(tmp_path):
    """A text of 1 MB, made into bytes again and again."""
    text = b"X\x00\x00\x10\x00" + b"a" * (1 << 20) + b"q\x01"
    call = b"c_codecs\nencode\nh\x01X\x06\x00\x00\x00latin1\x86R"
    with pytest.raises(DataError, match="too many of them"):
        human_file.read(_written(tmp_path / "human.pt", b"\x80\x02" + text + call * 70 + b"."))
