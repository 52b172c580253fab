import numpy as np
import pytest

from tfqnoise.data.label_weights import label_weights
from tfqnoise.errors import DataError


def test_a_label_weighs_the_inverse_of_its_rate_among_the_known():
    # Rates 1/2 (of four known) and 1/8.
    labels = np.array([[1, 1], [1, 0], [0, 0], [0, 0], [-1, 0], [-1, 0], [-1, 0], [-1, 0]])
    weights = label_weights(labels, ["a", "b"])
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, [2 / 5, 8 / 5])


def test_labels_that_are_never_positive_are_named():
    labels = np.array([[1, 0, -1], [1, 0, -1]])
    with pytest.raises(DataError, match="b, c"):
        label_weights(labels, ["a", "b", "c"])
