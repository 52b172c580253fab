import numpy as np
from scipy.special import softmax

from tfqnoise.backend import tf
from tfqnoise.compression.clustering.penalties.hard import Hard
from tfqnoise.compression.clustering.penalties.soft import Soft

WEIGHTS = np.random.default_rng(0).normal(size=300)
CENTROIDS = np.array([-1.0, 0.1, 0.8])


def _soft(weights, centroids, tau):
    squares = (weights[:, None] - centroids) ** 2
    return (softmax(-squares / tau, axis=1) * squares).sum() / 2


def test_value_and_gradients_against_numpy():
    tau, delta = 0.3 * (1.8 / 2) ** 2, 1e-6
    w, c = tf.constant(WEIGHTS, tf.float32), tf.constant(CENTROIDS, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([w, c])
        value = Soft(0.3)(w, c, {})
    by_weight, by_centroid = tape.gradient(value, [w, c])
    np.testing.assert_allclose(value, _soft(WEIGHTS, CENTROIDS, tau), rtol=1e-5)
    for gradient, at, values in ((by_weight, 7, WEIGHTS), (by_centroid, 1, CENTROIDS)):
        moved = values.copy()
        moved[at] += delta
        pair = (moved, CENTROIDS) if values is WEIGHTS else (WEIGHTS, moved)
        numeric = (_soft(*pair, tau) - _soft(WEIGHTS, CENTROIDS, tau)) / delta
        np.testing.assert_allclose(gradient[at], numeric, rtol=1e-3, atol=1e-4)


def test_without_temperature_it_is_hard():
    w, c = tf.constant(WEIGHTS, tf.float32), tf.constant(CENTROIDS, tf.float32)
    np.testing.assert_allclose(Soft(1e-6)(w, c, {}), Hard()(w, c, {}), rtol=1e-4)
