import numpy as np

from tfqnoise.backend import tf
from tfqnoise.compression.clustering.penalties.hard import Hard

RANDOM = np.random.default_rng(0)


def test_value_and_gradients_against_numpy():
    weights = RANDOM.normal(size=5000)
    # Not sorted: the gradient belongs to the centroid that was given.
    centroids = np.array([0.5, -1.2, 0.0, 1.9, -0.3])
    distance = weights[:, None] - centroids
    nearest = np.argmin(np.abs(distance), axis=1)
    own = weights - centroids[nearest]
    w, c = tf.constant(weights, tf.float32), tf.constant(centroids, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([w, c])
        value = Hard()(w, c, {})
    by_weight, by_centroid = tape.gradient(value, [w, c])
    np.testing.assert_allclose(value, (own**2).sum() / 2, rtol=1e-5)
    np.testing.assert_allclose(by_weight, own, atol=1e-6)
    np.testing.assert_allclose(by_centroid, [-own[nearest == k].sum() for k in range(5)], rtol=1e-3, atol=1e-3)
