import numpy as np

from tfqnoise.backend import tf
from tfqnoise.compression.clustering import penalties


def test_blocks_change_neither_value_nor_gradients(monkeypatch):
    random = np.random.default_rng(0)
    weights, parameter = tf.constant(random.normal(size=1003), tf.float32), tf.constant([0.3, -0.8])

    def each(weights, parameter):
        return tf.reduce_sum(tf.sin(weights[:, None] * parameter), 1)

    def all_of_it():
        with tf.GradientTape() as tape:
            tape.watch([weights, parameter])
            value = 3 * penalties.blockwise(each, weights, parameter)
        return value, *tape.gradient(value, [weights, parameter])

    whole = all_of_it()
    monkeypatch.setattr(penalties, "_BLOCK", 100)
    for eager, graph, expected in zip(all_of_it(), tf.function(all_of_it)(), whole, strict=True):
        np.testing.assert_allclose(eager, expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(graph, expected, rtol=1e-4, atol=1e-4)


def test_nearest_is_the_nearest():
    weights = np.random.default_rng(1).normal(size=500).astype(np.float32)
    centroids = np.array([-2, -0.5, 0.1, 0.4, 3], np.float32)
    expected = np.argmin(np.abs(weights[:, None] - centroids), axis=1)
    np.testing.assert_array_equal(penalties.nearest(tf.constant(weights), tf.constant(centroids)), expected)
