import numpy as np
import pytest

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization.activations.moving_range import MovingRange

BATCHES = [np.random.default_rng(n).normal(n, 1 + n, (40, 5)).astype(np.float32) for n in range(4)]


def _built(quantizer):
    return quantizer.build(None, "output", keras.layers.Layer())


@pytest.mark.parametrize("non_negative", [False, True])
def test_the_range_is_the_stated_average(non_negative):
    quantizer = MovingRange(8, non_negative, decay=0.6)
    variables = _built(quantizer)
    low = high = 0.0
    # Ranges are read from the first 16 pictures of a batch.
    for n, batch in enumerate(BATCHES):
        batch = np.maximum(batch, 0) if non_negative else batch
        quantizer(batch, True, variables)
        d = min(0.6, n / (n + 1))
        low = d * low + (1 - d) * min(0.0, batch[:16].min())
        high = d * high + (1 - d) * max(0.0, batch[:16].max())
        np.testing.assert_allclose(variables["min"], low, rtol=1e-5)
        np.testing.assert_allclose(variables["max"], high, rtol=1e-5)
    before = variables["max"].numpy()
    quantizer(10 * batch, False, variables)
    assert variables["max"].numpy() == before


@pytest.mark.parametrize(("bits", "non_negative"), [(8, False), (8, True), (4, True)])
def test_the_gradient_is_the_identity(bits, non_negative):
    quantizer = MovingRange(bits, non_negative)
    variables = _built(quantizer)
    for x in (tf.constant(BATCHES[1]), tf.constant(BATCHES[1] * 3)):
        upstream = tf.constant(np.random.default_rng(9).normal(size=x.shape), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(quantizer(x, True, variables) * upstream)
        np.testing.assert_array_equal(tape.gradient(y, x), upstream)
