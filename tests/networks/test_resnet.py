import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras
from tfqnoise.networks import cost


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        # MLPerf Tiny's own count; 12.5 M MACs.
        ("resnet8", 78_666, 12_501_632),
        # The paper's 0.27 M and 41 M, with projection shortcuts and convolution biases.
        ("resnet20", 274_442, 40_813_184),
    ],
)
def test_counts(name, parameters, macs):
    network = networks.get(name)((32, 32, 3), 10)
    assert cost.parameters(network) == parameters
    assert cost.macs(network) == macs


def test_layers_are_those_of_the_reference():
    network = networks.get("resnet8")((32, 32, 3), 10)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "InputLayer": 1,
        "Conv2D": 9,
        "BatchNormalization": 7,
        "ReLU": 7,
        "Add": 3,
        "GlobalAveragePooling2D": 1,
        "Dense": 1,
    }
    assert [layer.filters for layer in network.layers if isinstance(layer, keras.layers.Conv2D)].count(64) == 3


def test_macs_of_layers_counted_by_hand():
    inputs = keras.Input((10, 10, 3))
    x = keras.layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)(inputs)
    x = keras.layers.Conv2D(8, (1, 3), groups=2)(x)
    x = keras.layers.Flatten()(x)
    network = keras.Model(inputs, keras.layers.Dense(4)(x))
    assert cost.macs(network) == 5 * 5 * 6 * 9 + 5 * 3 * 8 * 3 * 3 + 5 * 3 * 8 * 4


def test_predictor_pads_the_last_batch_only():
    from tfqnoise.networks.predict import Predictor

    network = networks.get("resnet8", width=0.25)((8, 8, 1), 3)
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1), np.uint8)
    expected = network(images.astype(np.float32) / 255, training=False)
    np.testing.assert_allclose(Predictor(network, 3)(images), expected, atol=1e-4)
