import numpy as np

from tfqnoise.backend import tf
from tfqnoise.compression.quantization.activations.pact import clipped

VALUES = np.random.default_rng(0).normal(2, 3, 500).astype(np.float32)


def test_it_clips_and_rounds():
    np.testing.assert_allclose(
        clipped(tf.constant(VALUES), tf.constant(3.0), 2), np.round(np.clip(VALUES, 0, 3)), atol=1e-6
    )


def test_gradients_are_the_papers():
    values, alpha = tf.constant(VALUES), tf.constant(3.0)
    upstream = np.random.default_rng(1).normal(size=500).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch([values, alpha])
        loss = tf.reduce_sum(clipped(values, alpha, 4) * upstream)
    by_value, by_alpha = tape.gradient(loss, [values, alpha])
    np.testing.assert_allclose(by_value, upstream * ((VALUES >= 0) & (VALUES < 3)))
    np.testing.assert_allclose(by_alpha, upstream[VALUES >= 3].sum(), rtol=1e-4)
