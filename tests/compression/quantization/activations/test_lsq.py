import numpy as np
import pytest

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization.activations.lsq import Lsq

VALUES = np.abs(np.random.default_rng(0).normal(0, 2, (64, 10))).astype(np.float32)


def test_it_starts_at_the_first_batch_only():
    quantizer = Lsq(4, True)
    variables = quantizer.build(None, "output", keras.layers.Layer())
    quantizer(tf.constant(VALUES), True, variables)
    np.testing.assert_allclose(variables["step"], 2 * VALUES[:16].mean() / np.sqrt(15), rtol=1e-5)
    quantizer(tf.constant(VALUES * 9), True, variables)
    np.testing.assert_allclose(variables["step"], 2 * VALUES[:16].mean() / np.sqrt(15), rtol=1e-5)


@pytest.mark.parametrize(("bits", "non_negative"), [(8, True), (8, False), (4, True), (2, True)])
def test_training_and_inference_give_the_same_levels(bits, non_negative):
    quantizer = Lsq(bits, non_negative)
    variables = quantizer.build(None, "output", keras.layers.Layer())
    x = tf.constant(VALUES if non_negative else VALUES - 2)
    trained = quantizer(x, True, variables)
    np.testing.assert_allclose(quantizer(x, False, variables), trained, atol=1e-5)


def test_the_step_is_trained():
    quantizer = Lsq(4, True)
    variables = quantizer.build(None, "output", keras.layers.Layer())
    quantizer(tf.constant(VALUES), True, variables)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(quantizer(tf.constant(VALUES * 5), True, variables))
    # Clipped values pull the step up: each adds the top code to the gradient.
    step = variables["step"].numpy()
    v = VALUES * 5 / step
    slope = np.where(v > 15, 15, np.round(v) - v).sum() / np.sqrt(VALUES.size * 15)
    np.testing.assert_allclose(tape.gradient(loss, variables["step"]), slope, rtol=1e-3)
