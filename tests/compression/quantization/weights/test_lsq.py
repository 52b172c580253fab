import numpy as np

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization.weights.lsq import Lsq

KERNEL = np.random.default_rng(0).normal(size=(3, 3, 4, 6)).astype(np.float32)


def test_it_starts_at_the_papers_step():
    for per_channel in (True, False):
        quantizer = Lsq(4, per_channel)
        variables = quantizer.build(tf.TensorShape(KERNEL.shape), "kernel", keras.layers.Layer())
        quantizer.initialise(tf.constant(KERNEL), variables)
        axes = (0, 1, 2) if per_channel else None
        np.testing.assert_allclose(variables["step"], 2 * np.abs(KERNEL).mean(axes) / np.sqrt(7), rtol=1e-5)


def test_training_the_step_lowers_the_error():
    quantizer = Lsq(3, False)
    variables = quantizer.build(tf.TensorShape(KERNEL.shape), "kernel", keras.layers.Layer())
    step = variables["step"]
    step.assign(2.0)
    optimizer = keras.optimizers.SGD(0.02)
    errors = []
    for _ in range(60):
        with tf.GradientTape() as tape:
            error = tf.reduce_sum((quantizer(tf.constant(KERNEL), True, variables) - KERNEL) ** 2)
        optimizer.apply_gradients([(tape.gradient(error, step), step)])
        errors.append(float(error))
    assert errors[-1] < 0.4 * errors[0]


def test_a_step_that_crosses_zero_stays_usable():
    quantizer = Lsq(4, False)
    variables = quantizer.build(tf.TensorShape(KERNEL.shape), "kernel", keras.layers.Layer())
    for value in (-0.3, 0.0):
        variables["step"].assign(value)
        assert float(quantizer.step(KERNEL, variables)) > 0
        assert np.isfinite(quantizer(tf.constant(KERNEL), False, variables)).all()
