import numpy as np
import pytest
from tensorflow_model_optimization.quantization.keras.experimental import default_n_bit

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization.weights.uniform import Uniform

KERNEL = np.random.default_rng(0).normal(size=(3, 3, 4, 6)).astype(np.float32)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_it_is_the_n_bit_scheme_of_tf_mot(bits):
    scheme = default_n_bit.DefaultNBitQuantizeScheme(num_bits_weight=bits)
    layer = keras.layers.Conv2D(6, 3)
    layer.build((None, 8, 8, 4))
    config = scheme.get_quantize_registry().get_quantize_config(layer)
    ((_, theirs),) = config.get_weights_and_quantizers(layer)
    variables = theirs.build(KERNEL.shape, "kernel", keras.layers.Layer())
    expected = theirs(tf.constant(KERNEL), True, weights=variables)
    ours = Uniform(bits, True)(tf.constant(KERNEL), True, {})
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_one_bit_keeps_the_mean_size():
    quantised = Uniform(1, True)(tf.constant(KERNEL), True, {}).numpy()
    np.testing.assert_allclose(
        np.abs(quantised), np.broadcast_to(np.abs(KERNEL).mean((0, 1, 2)), KERNEL.shape), rtol=1e-5
    )
    np.testing.assert_array_equal(np.sign(quantised), np.sign(KERNEL))


def test_the_gradient_is_the_identity():
    kernel, upstream = tf.constant(KERNEL), tf.constant(KERNEL[::-1].copy())
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = tf.reduce_sum(Uniform(3, True)(kernel, True, {}) * upstream)
    np.testing.assert_array_equal(tape.gradient(loss, kernel), upstream)
