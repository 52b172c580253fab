import numpy as np
import pytest

from tfqnoise.errors import DataError
from tfqnoise.noise.matrix import Matrix


def test_a_matrix_is_for_as_many_classes_as_it_has(tmp_path):
    path = tmp_path / "matrix.csv"
    path.write_text("0.9,0.1\n0.3,0.7")
    kind = Matrix(str(path))
    np.testing.assert_array_equal(kind.transition(("a", "b")), [[0.9, 0.1], [0.3, 0.7]])
    with pytest.raises(DataError, match=r"of 2 classes\n  expected: 3"):
        kind.transition(("a", "b", "c"))


def test_rounded_rows_can_be_drawn_from(tmp_path):
    from tfqnoise.noise.transition import tables

    path = tmp_path / "matrix.csv"
    path.write_text("\n".join(["0.333,0.333,0.333"] * 3))
    assert (tables(Matrix(str(path)).transition(("a", "b", "c")))[1][:, -1] == 1).all()
