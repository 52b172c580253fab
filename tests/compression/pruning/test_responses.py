import numpy as np
import pytest

from tfqnoise.backend import keras
from tfqnoise.compression.pruning.channels import trace
from tfqnoise.compression.pruning.responses import contributions

layers = keras.layers
PICTURES = np.random.default_rng(0).random((5, 9, 9, 2)).astype(np.float32)


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 3, "padding": "same"},
        {"kernel_size": 3, "padding": "same", "strides": 2},
        {"kernel_size": (1, 4), "padding": "valid", "strides": (2, 3)},
        {"kernel_size": 3, "padding": "same", "dilation_rate": 2},
        {"kernel_size": 2, "padding": "valid", "dilation_rate": 3},
    ],
)
def test_contributions_add_up_to_responses_that_the_layer_gives(settings):
    image = keras.Input((9, 9, 2))
    read = layers.Conv2D(1, name="read", use_bias=False, **settings)(layers.Conv2D(6, 1, name="made")(image))
    network = keras.Model(image, layers.Dense(2)(layers.Flatten()(read)))
    channels = trace(network)
    group = next(group for group in channels.groups if group.name == "made")
    rows = contributions(network, channels, group, PICTURES, 0)["read"]
    assert rows.shape == (50, 6)
    given = keras.Model(image, read)(PICTURES).numpy().reshape(5, -1)
    sums = rows.sum(axis=1)
    # They are scaled together, so that some factor makes each one of what the layer gives for its picture.
    factors = sums[0] / given[0]
    assert any(
        all(np.isclose(given[n // 10] * factor, value, rtol=1e-3, atol=1e-5).any() for n, value in enumerate(sums))
        for factor in factors[factors > 0]
    )


def test_flattened_channels_are_summed_over_their_places():
    image = keras.Input((3, 3, 2))
    made = layers.Flatten()(layers.Conv2D(4, 1, name="made")(image))
    network = keras.Model(image, layers.Dense(1, use_bias=False, name="read")(made))
    channels = trace(network)
    rows = contributions(network, channels, channels.groups[0], PICTURES[:, :3, :3], 0)["read"]
    values = network(PICTURES[:, :3, :3]).numpy().repeat(10)
    np.testing.assert_allclose(rows.sum(axis=1), values / np.sqrt(np.mean(values**2)), rtol=1e-4)


def test_every_use_of_a_shared_layer_counts():
    image = keras.Input((9, 9, 2))
    made, read = layers.Conv2D(4, 1, name="made")(image), layers.Conv2D(3, 1, use_bias=False, name="read")
    doubled = layers.Add()([made, made])
    network = keras.Model(image, layers.Dense(2)(layers.Flatten()(layers.Add()([read(made), read(doubled)]))))
    channels = trace(network)
    group = next(group for group in channels.groups if group.name == "made")
    rows = contributions(network, channels, group, PICTURES, 0)["read"]
    assert rows.shape == (2 * 50, 4)
    # Twice the channels give twice the responses; places are drawn anew.
    assert np.std(rows[50:]) == pytest.approx(2 * np.std(rows[:50]), rel=0.5)
