import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras, tf
from tfqnoise.compression.pruning.channels import trace

layers = keras.layers


def _groups(network):
    return {group.name: (len(group.units), len(group.layers)) for group in trace(network).groups}


def test_a_residual_stream_is_one_group_and_the_inside_of_a_block_another():
    groups = _groups(networks.get("resnet20")((32, 32, 3), 10))
    assert groups["stem"] == (16, 4)
    assert groups["stage1_block1_conv1"] == (16, 1)
    assert groups["stage3_block1_conv2"] == (64, 4)
    assert "logits" not in groups
    assert len(groups) == 12


def test_depthwise_convolutions_pass_channels_on():
    network = networks.get("mobilenet_v1", width=0.25)((32, 32, 3), 10)
    channels = trace(network)
    np.testing.assert_array_equal(channels.outputs["block3_depthwise"], channels.outputs["block2_pointwise"])
    assert len(channels.groups) == 14


def test_concatenated_flattened_and_repeated_channels_keep_their_units():
    image = keras.Input((4, 4, 3))
    one, two = (layers.Conv2D(n, 1, name=name)(image) for n, name in ((2, "one"), (3, "two")))
    joined = layers.Concatenate(name="joined")([one, two])
    spread = layers.DepthwiseConv2D(1, depth_multiplier=2, name="spread")(joined)
    network = keras.Model(image, layers.Dense(4, name="logits")(layers.Flatten(name="flat")(spread)))
    channels = trace(network)
    own = np.concatenate([channels.outputs["one"], channels.outputs["two"]])
    np.testing.assert_array_equal(channels.outputs["joined"], own)
    np.testing.assert_array_equal(channels.inputs["logits"], np.tile(np.repeat(own, 2), 16))
    assert _groups(network) == {"one": (2, 1), "two": (3, 1)}


def test_sums_of_concatenations_join_channel_by_channel():
    image = keras.Input((4, 4, 3))
    parts = [layers.Conv2D(n, 1, name=f"part{k}")(image) for k, n in enumerate((2, 3))]
    whole = layers.Conv2D(5, 1, name="whole")(image)
    summed = layers.Add()([layers.Concatenate()(parts), whole])
    network = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(summed)))
    assert _groups(network) == {"part0": (5, 3)}


def test_a_layer_used_twice_has_the_same_channels_both_times():
    image = keras.Input((4, 4, 3))
    shared, first = layers.Conv2D(5, 1, name="shared"), layers.Conv2D(5, 1, name="first")(image)
    x = layers.Conv2D(2, 1, name="last")(layers.Add()([shared(first), shared(layers.ReLU()(first))]))
    network = keras.Model(image, layers.GlobalAveragePooling2D()(x))
    assert _groups(network) == {"first": (5, 1), "shared": (5, 1)}


@pytest.mark.parametrize(
    "unknown",
    [
        lambda: layers.Softmax(),
        lambda: layers.Lambda(lambda x: x[:, :, ::-1]),
        lambda: layers.LayerNormalization(),
        lambda: layers.BatchNormalization(axis=1),
        lambda: layers.Conv2D(4, 3, groups=2),
        lambda: layers.Activation("softmax"),
        lambda: layers.DepthwiseConv2D(3, activation="softmax"),
        lambda: layers.Conv2DTranspose(5, 3),
        lambda: layers.GlobalAveragePooling2D(data_format="channels_first", keepdims=True),
        # Both operands of an operator, and all that a split gives.
        lambda: lambda x: layers.Conv2D(4, 1, name="beside")(x) + x,
        lambda: lambda x: tf.concat(tf.split(x, 2, -1)[::-1], -1),
    ],
)
def test_what_an_unknown_layer_takes_stays(unknown):
    image = keras.Input((6, 6, 3))
    x = unknown()(layers.Conv2D(4, 1, name="before")(image))
    x = layers.Conv2D(3, 1, name="behind")(x)
    network = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert list(_groups(network)) == ["behind"]


def test_the_picture_and_the_logits_stay():
    image = keras.Input((6, 6, 4))
    x = layers.Add()([image, layers.Conv2D(4, 1, name="in_step_with_the_picture")(image)])
    network = keras.Model(image, layers.Conv2D(2, 1, name="logits")(x))
    assert _groups(network) == {}


def test_channels_that_a_softmax_weighs_against_each_other_stay():
    image = keras.Input((6, 6, 3))
    x = layers.Conv2D(4, 1, activation="softmax", name="weighed")(layers.Conv2D(4, 1, name="before")(image))
    network = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert list(_groups(network)) == ["before"]


@pytest.mark.parametrize("function", ["relu", "swish", tf.nn.relu6, tf.nn.leaky_relu, tf.nn.silu])
def test_functions_of_one_value_pass_channels_on(function):
    image = keras.Input((6, 6, 3))
    x = layers.Activation(function)(layers.Conv2D(4, 1, activation=function, name="made")(image))
    network = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert _groups(network) == {"made": (4, 1)}


def test_a_layer_that_reads_what_it_gave_is_one_stream():
    image = keras.Input((6, 6, 3))
    again, x = layers.Conv2D(4, 3, padding="same", name="again"), layers.Conv2D(4, 1, name="before")(image)
    for _ in range(3):
        x = layers.ReLU()(again(x))
    network = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert _groups(network) == {"before": (4, 2)}
