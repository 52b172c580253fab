import numpy as np
import pytest

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization.quantizers import MovingRange


class _Holder(keras.layers.Layer):
    def __init__(self, quantizer):
        super().__init__()
        self.quantizer = quantizer
        self.ranges = quantizer.build(None, "output", self)

    def call(self, inputs, training=False):
        return self.quantizer(inputs, training, self.ranges)


BATCHES = [np.random.default_rng(n).normal(n, 1 + n, (40, 5)).astype(np.float32) for n in range(4)]


@pytest.mark.parametrize("non_negative", [False, True])
def test_the_range_is_the_stated_average(non_negative):
    layer = _Holder(MovingRange(non_negative, decay=0.6))
    low = high = 0.0
    for n, batch in enumerate(BATCHES):
        batch = np.maximum(batch, 0) if non_negative else batch
        layer(batch, training=True)
        d = min(0.6, n / (n + 1))
        low = d * low + (1 - d) * min(0.0, batch.min())
        high = d * high + (1 - d) * max(0.0, batch.max())
        np.testing.assert_allclose(layer.ranges["min_var"], low, rtol=1e-5)
        np.testing.assert_allclose(layer.ranges["max_var"], high, rtol=1e-5)
    before = layer.ranges["max_var"].numpy()
    layer(10 * batch, training=False)
    assert layer.ranges["max_var"].numpy() == before


@pytest.mark.parametrize("non_negative", [False, True])
def test_it_is_idempotent_with_at_most_256_levels(non_negative):
    layer = _Holder(MovingRange(non_negative))
    x = np.abs(BATCHES[3]) if non_negative else BATCHES[3]
    once = layer(x, training=True).numpy()
    grid = layer(np.linspace(-20, 20, 100_000, dtype=np.float32)).numpy()
    assert len(np.unique(grid)) == 256
    assert 0.0 in grid
    np.testing.assert_array_equal(layer(once), once)
    step = (layer.ranges["max_var"] - layer.ranges["min_var"]).numpy() / 255
    assert np.abs(once - x).max() <= step * 0.5001 + step


def test_the_gradient_is_the_identity():
    layer = _Holder(MovingRange())
    for x in (tf.constant(BATCHES[1]), tf.constant(BATCHES[1] * 3)):
        upstream = tf.constant(np.random.default_rng(9).normal(size=x.shape), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(layer(x, training=True) * upstream)
        np.testing.assert_array_equal(tape.gradient(y, x), upstream)
