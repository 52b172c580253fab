import numpy as np
import pytest

from tfqnoise.backend import keras
from tfqnoise.networks import blocks


@pytest.mark.parametrize(("channels", "rounded"), [(1, 8), (11, 16), (12, 16), (60, 64), (67.2, 64), (90, 88)])
def test_channels_are_multiples_of_eight(channels, rounded):
    assert blocks.divisible(channels) == rounded
    assert rounded >= 0.9 * channels


def test_depthwise_kernels_keep_the_scale_of_what_they_are_given():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16, 16, 256))
    depthwise = keras.Model(inputs, blocks.depthwise(inputs, 3, 1, "at", None)).get_layer("at")
    # He's 2 / inputs, of 9 inputs.
    assert np.var(depthwise.depthwise_kernel) == pytest.approx(2 / 9, rel=0.1)


def test_running_statistics_come_near_the_datas_within_a_hundred_steps():
    """A network that learned in so few steps would answer otherwise than it learned."""
    inputs = keras.Input((8, 8, 4))
    network = keras.Model(inputs, blocks.convolution(inputs, 8, 3, 1, "at", None))
    images = 5 * np.random.default_rng(0).random((64, 8, 8, 4), np.float32)
    for _ in range(100):
        learned = network(images, training=True)
    np.testing.assert_allclose(network(images, training=False), learned, atol=0.1)


@pytest.mark.parametrize("size", [1, 2])
def test_a_single_value_needs_no_mean(size):
    inputs = keras.Input((size, size, 8))
    x = blocks.squeeze_excite(inputs, 4, "at", blocks.relu, blocks.relu6)
    network = blocks.headed(inputs, x, 3, "small")
    assert any(layer.name == "at_squeeze" for layer in network.layers) == (size > 1)
    images = np.random.default_rng(0).random((2, size, size, 8), np.float32)
    means = images.mean((1, 2), keepdims=True)
    reduce, gate, logits = (network.get_layer(name) for name in ("at_reduce", "at_gate", "logits"))
    gates = np.clip(np.maximum(means @ reduce.kernel[0, 0] + reduce.bias, 0) @ gate.kernel[0, 0] + gate.bias, 0, 6)
    wanted = (images * gates).mean((1, 2)) @ logits.kernel + logits.bias
    np.testing.assert_allclose(network(images), wanted, rtol=1e-4, atol=1e-5)
