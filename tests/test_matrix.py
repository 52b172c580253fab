import json

import numpy as np
import pytest

from tfqnoise.errors import DataError
from tfqnoise.matrix import checked, numbers, read

ROWS = [[0.9, 0.1], [0.25, 0.75]]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"kind": "symmetric", "transition_matrix": ROWS}),
        json.dumps(ROWS),
        "0.9,0.1\n0.25,0.75\n",
        "\ufeff0.9, 0.1\r\n\r\n2.5e-1, .75",
    ],
)
def test_every_form_gives_the_same(text, tmp_path):
    path = tmp_path / "matrix"
    path.write_text(text, encoding="utf-8")
    for form in (path, str(path)):
        matrix = read(form)
        assert matrix.dtype == np.float64
        np.testing.assert_array_equal(matrix, ROWS)


def test_a_run_has_one(trained):
    matrix = read(trained.path / "noise.json")
    assert matrix.shape == (10, 10)
    np.testing.assert_allclose(matrix, trained.read_json("noise.json")["transition_matrix"], atol=1e-12)


def test_rounded_rows_are_made_to_sum_to_1():
    matrix = checked([[0.333, 0.333, 0.333], [0, 1, 0], [0.5, 0.5004, 0]], "it")
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-15)
    np.testing.assert_allclose(matrix[0], 1 / 3)
    np.testing.assert_array_equal(matrix[1], [0, 1, 0])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0.9, 0.1]], "shape 1 x 2"),
        ([[0.9, 0.1], [1.0]], "all of one length"),
        ([[1.0]], "at least 2 classes"),
        (0.5, "one number"),
        ([], "shape 0"),
        ([[1.1, -0.1], [0, 1]], "-0.1 in row 0, column 1"),
        ([[1, 0], [float("nan"), 1]], "nan in row 1, column 0"),
        ([[1, 0], [None, 1]], "nan in row 1, column 0"),
        ([[1, 0], [0, float("inf")]], "inf in row 1, column 1"),
        ([[1, 0], [0.5, 0.502]], "row 1 .* sums to 1.002"),
        ([[0, 0], [0, 1]], "row 0 .* sums to 0"),
        ([["a", 0], [0, 1]], "rows of numbers"),
        ([[10**400, 0], [0, 1]], "rows of numbers"),
        ({"a": 1}, "rows of numbers"),
    ],
)
def test_what_is_no_transition_matrix_is_refused(rows, message):
    with pytest.raises(DataError, match=message) as caught:
        checked(rows, "the matrix")
    assert "the matrix" in caught.value.received
    assert "row = true label" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["", "true,given\n1,0\n", '{"transition_matrix": ', "{}", '{"rate": 1}', "[1, 2", "[[1, NaN], [0, 1]]"]
)
def test_files_without_one_are_refused_by_name(text, tmp_path):
    path = tmp_path / "matrix.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"matrix\.json"):
        read(path)


def test_what_is_no_readable_file_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match="missing"):
        read(tmp_path / "missing.json")
    with pytest.raises(DataError, match=str(tmp_path)):
        read(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(DataError, match="binary"):
        read(tmp_path / "binary")


def test_deeply_nested_text_is_refused(tmp_path):
    (tmp_path / "deep").write_text("[" * 100_000)
    with pytest.raises(DataError, match="deep"):
        read(tmp_path / "deep")


def test_numbers_need_not_be_probabilities(tmp_path):
    path = tmp_path / "counts.json"
    path.write_text('{"transition_matrix": [[1]], "confusion_matrix": [[8, 2, 0], [1, 9, -5]]}')
    counts = numbers(path, "confusion_matrix", "transition_matrix")
    np.testing.assert_array_equal(counts, [[8, 2, 0], [1, 9, -5]])
    assert counts.dtype == np.float64
    np.testing.assert_array_equal(numbers(path, "transition_matrix"), [[1]])
    path.write_text("8,2\n1,9")
    np.testing.assert_array_equal(numbers(path, "confusion_matrix"), [[8, 2], [1, 9]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "without a 'confusion_matrix' or 'counts'"),
        ('{"counts": null}', "without a"),
        ('{"counts": 3}', "no table"),
        ("[1, 2]", "no table"),
        ("[[]]", "no table"),
        ("", "no table"),
        ("[[1, NaN]]", "no table"),
        ("[[1], [1, 2]]", "counts.json: "),
        ("a,b\n1,2", "counts.json: "),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(tmp_path, text, message):
    path = tmp_path / "counts.json"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        numbers(path, "confusion_matrix", "counts")
