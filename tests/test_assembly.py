import numpy as np
import pytest

from tfqnoise import Recipe, assembly
from tfqnoise.errors import RunError, UsageError


def test_weights_go_out_and_in():
    recipe = Recipe(width=0.25)
    networks = [assembly.compress(recipe, assembly.build(recipe, (8, 8, 1), 10)).network for _ in range(2)]
    arrays = assembly.arrays_of(networks[0].weights, "network")
    assembly.assign(networks[1].weights, arrays, "network", "weights.npz")
    for one, other in zip(networks[0].get_weights(), networks[1].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_another_network_are_refused():
    networks = [assembly.build(Recipe(width=w), (8, 8, 1), 10) for w in (0.25, 0.5)]
    arrays = assembly.arrays_of(networks[0].weights, "network")
    with pytest.raises(RunError, match="don't fit the network"):
        assembly.assign(networks[1].weights, arrays, "network", "weights.npz")
    # Batch norm's scale and offset have one shape; only their names tell them apart.
    swapped = {
        name.replace("gamma", "?").replace("beta", "gamma").replace("?", "beta"): value
        for name, value in arrays.items()
    }
    with pytest.raises(RunError, match="don't fit the network"):
        assembly.assign(networks[0].weights, swapped, "network", "weights.npz")


def test_a_width_has_its_own_flag():
    with pytest.raises(UsageError, match=r"--network .* with the setting 'width'"):
        assembly.factory(Recipe(network='{"name": "resnet8", "width": 0.5}', width=0.25))
