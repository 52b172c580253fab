import numpy as np

from tfqnoise.compression.clustering.initialisations.kmeans_plus_plus import kmeans_plus_plus


def test_it_finds_clusters_in_a_large_kernel():
    random = np.random.default_rng(0)
    means = np.array([-2.0, 0.0, 1.0])
    weights = np.concatenate([random.normal(m, 0.05, 40_000) for m in means]).astype(np.float32)
    np.testing.assert_allclose(kmeans_plus_plus(weights, 3, 1), means, atol=0.01)
