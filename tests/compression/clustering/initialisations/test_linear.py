import numpy as np

from tfqnoise.compression.clustering.initialisations.linear import linear


def test_it_is_spread_evenly():
    np.testing.assert_allclose(linear(np.array([3.0, -1.0, 0.0]), 5, 0), [-1, 0, 1, 2, 3])
