import numpy as np
import pytest

from tfqnoise.errors import DataError
from tfqnoise.noise import Truth
from tfqnoise.noise.table import Table

TRUTH = Truth(np.array(["p", "q", "r"]), np.array([0, 1, 0]), np.zeros((3, 1, 1, 1), np.uint8), ("a", "b"))


def test_pictures_that_a_table_does_not_name_keep_their_label(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,label\nr,b\nq,1\n")
    np.testing.assert_array_equal(Table(str(path)).given(TRUTH, 0), [0, 1, 1])


def test_a_table_about_other_pictures_is_refused(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,label\ns,b\n")
    with pytest.raises(DataError, match="names 1 ids"):
        Table(str(path)).given(TRUTH, 0)
