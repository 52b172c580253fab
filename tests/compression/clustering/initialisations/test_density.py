import numpy as np

from tfqnoise.compression.clustering.initialisations.density import density


def test_each_centroid_serves_equally_many():
    weights = np.random.default_rng(0).exponential(size=8000).astype(np.float32)
    centroids = density(weights, 4, 0)
    np.testing.assert_allclose([(weights < c).mean() for c in centroids], [0.125, 0.375, 0.625, 0.875], atol=0.01)
