import numpy as np
import pytest

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization.activations.fixed_range import FixedRange


@pytest.mark.parametrize("bits", [8, 4])
def test_levels_and_gradients(bits):
    quantizer = FixedRange(bits, True, high=3.0)
    variables = quantizer.build(None, "output", keras.layers.Layer())
    x = tf.constant(np.random.default_rng(0).uniform(-2, 5, 700), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        levels = quantizer(x, True, variables)
    step = 3 / (2**bits - 1)
    np.testing.assert_allclose(levels, np.round(np.clip(x, 0, 3) / step) * step, atol=1e-5)
    np.testing.assert_allclose(levels / step, np.round(levels / step), atol=1e-3)
    inside = (x.numpy() > 0.01) & (x.numpy() < 2.99)
    outside = (x.numpy() < -0.01) | (x.numpy() > 3.01)
    gradient = tape.gradient(levels, x).numpy()
    assert (gradient[inside] == 1).all()
    assert (gradient[outside] == 0).all()


def test_the_range_never_moves():
    quantizer = FixedRange(8, True)
    variables = quantizer.build(None, "output", keras.layers.Layer())
    quantizer(tf.constant([100.0]), True, variables)
    assert [float(v) for v in quantizer.limits(variables)] == [0, 6]
    assert all(not v.trainable for v in variables.values())
