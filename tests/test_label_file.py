import numpy as np
import pytest

from tfqnoise import label_file
from tfqnoise.errors import DataError

NAMES = ("cat", "dog", "4")


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_names_and_numbers_are_labels_unless_numbers_are_names(file):
    assert label_file.read(file("id,label\na,dog\nb,0\n\nd, cat \n"), ("cat", "dog")) == {"a": 1, "b": 0, "d": 0}
    # "4" is a class here, though as a number it would be none; and so 0 is none.
    assert label_file.read(file("id,label\na,dog\nc,4\n"), NAMES) == {"a": 1, "c": 2}
    with pytest.raises(DataError, match="line 4 has the label '0'"):
        label_file.read(file("id,label\na,dog\n\nb,0\n"), NAMES)


def test_a_strange_id_is_named_and_not_a_thousand_others(file):
    ids = np.array([f"train_{n:05d}" for n in range(1000)])
    with pytest.raises(DataError) as caught:
        label_file.replaced(file("id,label\nqqq,dog\n"), ids, np.zeros(1000, np.int64), NAMES)
    assert "'qqq'" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_of_an_audit_the_flagged_rows_count(file):
    path = file("id,given,suggested,score,flagged\na,dog,cat,0.9, 1\nb,cat,dog,0.6,0\n")
    assert label_file.read(path, NAMES) == {"a": 0}


def test_labels_are_replaced_by_id(file):
    path = file("label,id\ndog,z\n")
    ids, labels = np.array(["y", "z"]), np.array([0, 0])
    np.testing.assert_array_equal(label_file.replaced(path, ids, labels, NAMES), [0, 1])
    np.testing.assert_array_equal(labels, [0, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label\na,bird\n", "did you mean|choose one of"),
        ("id,label\na,7\n", "line 2 has the label '7'"),
        ("id,label\na,²\n", "line 2 has the label '²'"),
        ("id,label\na,dog\na,cat\n", "line 3 names 'a' again, after line 2"),
        ("id,label\n,dog\n", "line 2 is incomplete"),
        ("id,label\na\n", "line 2 is incomplete"),
        ("", "has the columns of an empty file"),
        ("name,class\na,dog\n", "has the columns name, class\n.*\n.*separated by commas$"),
        ("id;given;suggested;score;flagged\na;dog;cat;0.9;1\n", "separated by commas instead of semicolons or tabs"),
        ("id\tlabel\na\tdog\n", "separated by commas instead of semicolons or tabs"),
        ("id,given,suggested,score,flagged\na,dog,cat,0.9\n", "line 2 is incomplete"),
        ("id,given,suggested,score,flagged\na,dog,cat,0.9,\n", "line 2 is incomplete"),
        ("id,given,suggested,score,flagged\na,dog,cat,0.9,yes\n", r"line 2 has flagged = 'yes'\n  expected: 0 or 1"),
        ("id,given,suggested,score,flagged\na,dog,cat,0.9,0\nb,dog,cat,0.9,TRUE\n", "line 3 has flagged = 'TRUE'"),
        ("id,label\nstrange,dog\n", "'strange'"),
    ],
)
def test_what_is_no_label_file_is_refused(file, text, message):
    with pytest.raises(DataError, match=message):
        label_file.replaced(file(text), np.array(["a"]), np.array([0]), NAMES)


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="can't be read"):
        label_file.read(str(tmp_path / "none.csv"), NAMES)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01" * 10)
    with pytest.raises(DataError, match="can't be read"):
        label_file.read(str(tmp_path / "binary.csv"), NAMES)
