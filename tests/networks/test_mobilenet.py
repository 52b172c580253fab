import pytest

from tfqnoise import networks
from tfqnoise.networks import cost


@pytest.mark.parametrize(
    ("name", "width", "parameters", "macs"),
    [
        # In millions the papers have 4.2 and 569, 1.3 and 149, 0.5 and 41; 3.4 and 300, 1.7 and 59.
        ("mobilenet_v1", 1.0, 4_253_864, 569e6),
        ("mobilenet_v1", 0.5, 1_342_536, 149e6),
        ("mobilenet_v1", 0.25, 475_544, 41e6),
        ("mobilenet_v2", 1.0, 3_538_984, 300e6),
        ("mobilenet_v2", 0.35, 1_691_208, 59e6),
    ],
)
def test_counts_are_those_of_the_papers(name, width, parameters, macs):
    network = networks.get(name, width=width)((224, 224, 3), 1000)
    assert cost.parameters(network) == parameters
    assert cost.macs(network) == pytest.approx(macs, rel=0.015)


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_small_pictures_keep_their_size_in_the_stem(name):
    for size, stem in ((32, 32), (96, 48)):
        network = networks.get(name, width=0.25)((size, size, 3), 10)
        assert network.get_layer("stem").output.shape[1] == stem
