import json

import numpy as np
import pytest

from tfqnoise import matrix
from tfqnoise.errors import DataError

ROWS = [[0.9, 0.1], [0.25, 0.75]]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps({"kind": "symmetric", "transition_matrix": ROWS}),
        "0.9,0.1\n0.25,0.75\n",
        "\ufeff0.9, 0.1\r\n\r\n 2.5e-1 ,0.75",
    ],
)
def test_each_form_gives_the_same_matrix(tmp_path, text):
    path = tmp_path / "matrix"
    path.write_text(text, encoding="utf-8")
    np.testing.assert_array_equal(matrix.read(str(path)), ROWS)


def test_rounded_rows_are_scaled_to_one(tmp_path):
    path = tmp_path / "matrix.csv"
    path.write_text("0.333,0.333,0.333\n0,1,0\n0,0,1")
    np.testing.assert_allclose(matrix.read(str(path)).sum(axis=1), 1, atol=1e-15)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.5,0.5\n", "1 rows and 2 columns"),
        ("1,0\n-0.1,1.1", "negative entry -0.1"),
        ("1,0\n0.5,0.4", "row 1 summing to 0.9"),
        ("nan,1\n0,1", "NaN"),
        ("[[1, 0], [0, Infinity]]", "infinity"),
        ("", "no list of rows"),
        ("[]", "no list of rows"),
        ("[[]]", "empty"),
        ("[1, 2]", "no list of rows"),
        ("[[1, 0], [1]]", "no list of rows"),
        ('[["1", "0"], ["0", "1"]]', "no numbers"),
        ("[[true, false], [false, true]]", "no numbers"),
        ("[[[1]]]", "no numbers"),
        ("a,b\n1,0\n0,1", "could not convert"),
        ('{"confusion_matrix": [[1]], "classes": 1}', "has the entries confusion_matrix, classes"),
        ('{"transition_matrix": null}', "no list of rows"),
        ("{}", "empty object"),
        ('{"transition_matrix": ', "can't be read"),
        ("[" * 100_000, "can't be read"),
        ("[[1" + "0" * 400 + "]]", "can't be read"),
    ],
)
def test_what_is_no_transition_matrix_is_refused(tmp_path, text, message):
    path = tmp_path / "matrix"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        matrix.read(str(path))


def test_a_missing_or_binary_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        matrix.read(str(tmp_path / "none.csv"))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(DataError, match="can't be read"):
        matrix.read(str(tmp_path / "picture.png"))


def test_numbers_need_not_be_probabilities(tmp_path):
    path = tmp_path / "counts.json"
    path.write_text('{"transition_matrix": [[1]], "confusion_matrix": [[8, 2, 0], [1, 9, 5]]}')
    counts = matrix.numbers(str(path), "confusion_matrix", "transition_matrix")
    np.testing.assert_array_equal(counts, [[8, 2, 0], [1, 9, 5]])
    assert counts.dtype == np.float64
