import pytest

from tfqnoise import networks
from tfqnoise.backend import keras
from tfqnoise.networks import cost


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # Convolutions 14,710,464 + biases 4,224 (+ four values a channel of batch norm) + dense 5,130.
        ("vgg16", 14_710_464 + 4_224 + 4 * 4_224 + 5_130),
        ("vgg16_plain", 14_710_464 + 4_224 + 5_130),
    ],
)
def test_counts(name, parameters):
    network = networks.get(name)((32, 32, 3), 10)
    assert cost.parameters(network) == parameters
    assert cost.macs(network) == 313_201_664
    assert len([layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]) == 13


def test_a_quarter_of_the_width():
    network = networks.get("vgg16", width=0.25)((32, 32, 3), 10)
    assert network.get_layer("stage5_conv3").filters == 128
    assert cost.parameters(network) == 926_298
