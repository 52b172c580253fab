import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras, tf
from tfqnoise.compression.pruning import surgery
from tfqnoise.compression.pruning.channels import makes_channels, trace
from tfqnoise.networks import cost

layers = keras.layers


def _odd(input_shape, classes):
    """Concatenations, shared layers, slopes, multipliers, flattened channels: what the families don't have."""
    image = keras.Input(input_shape)
    one, two = (layers.Conv2D(n, 3, strides=2, padding="same", name=name)(image) for n, name in ((6, "a"), (4, "b")))
    x = layers.Concatenate()([layers.PReLU(shared_axes=[1, 2])(one), layers.LeakyReLU()(two)])
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    shared = layers.Conv2D(20, 1, name="shared")
    x = layers.Multiply()([layers.Activation("sigmoid")(shared(x)), layers.Dropout(0.5)(shared(x))])
    gate = layers.Reshape((1, 1, 20))(layers.GlobalMaxPooling2D()(x))
    x = layers.Add()([x, layers.UpSampling2D(input_shape[0] // 2)(layers.Conv2D(20, 1, name="gate")(gate))])
    x = layers.Dense(7, activation="relu", name="hidden")(layers.Flatten()(layers.MaxPooling2D()(x)))
    return keras.Model(image, layers.Dense(classes)(x))


def _stranger(input_shape, classes):
    """A layer that reads what it gave, and layers whose channels aren't known and so stay, with weights of theirs."""
    image = keras.Input(input_shape)
    again, x = layers.Conv2D(8, 3, padding="same", name="again"), layers.Conv2D(8, 3, name="a")(image)
    x = layers.ReLU()(again(layers.ReLU()(again(x))))
    x = layers.Conv2DTranspose(6, 3, strides=2)(layers.Conv2D(10, 3, strides=2, name="b")(x))
    x = layers.Conv2D(6, 3, groups=2, padding="same")(x) + layers.Conv2D(6, 1, name="c")(x)
    one, two = tf.split(layers.Conv2D(8, 3, activation="softmax", name="d")(x), 2, axis=-1)
    x = layers.Conv2D(6, 1, name="e")(layers.Concatenate()([two, one]))
    return keras.Model(image, layers.Dense(classes)(layers.Flatten()(layers.MaxPooling2D()(x))))


_OWN = {"odd": _odd, "stranger": _stranger}
# One of each family, and in `-m slow` all.
_ONE_EACH = ("alexnet", "efficientnet_b0", "mobilenet_v2", "mobilenet_v3_small", "resnet8", "vgg16")
NAMES = [n if n in _ONE_EACH else pytest.param(n, marks=pytest.mark.slow) for n in networks.registry.entries()]


@pytest.fixture(params=[*_OWN, *NAMES])
def network(request):
    name = request.param
    spec = {"name": name, **networks.registry.entry(name).sample} if name not in _OWN else None
    found = (networks.get(spec, width=0.25) if spec else _OWN[name])((16, 16, 3), 3)
    random = np.random.default_rng(0)
    # Batch norms as after training: no two channels alike.
    found.set_weights([w + random.uniform(0, 0.1, w.shape).astype(w.dtype) for w in found.get_weights()])
    return found


def test_a_smaller_network_computes_what_the_masked_one_does(network):
    channels = trace(network)
    images = tf.random.stateless_uniform([3, 16, 16, 3], [0, 1])
    whole = network(images).numpy()
    np.testing.assert_array_equal(surgery.without(network, channels, np.zeros(0, np.int64))(images), whole)
    random = np.random.default_rng(1)
    removed = np.concatenate(
        [random.choice(g.units, len(g.units) // 2, replace=False) for g in channels.groups if len(g.units) > 1]
    )
    smaller = surgery.without(network, channels, removed)
    assert cost.parameters(smaller) < cost.parameters(network)
    assert cost.macs(smaller) < cost.macs(network)
    for layer in network.layers:
        if makes_channels(layer):
            kernel = layer.kernel.numpy()
            kernel[..., np.isin(channels.inputs[layer.name], removed), :] = 0
            layer.kernel.assign(kernel)
    masked = network(images).numpy()
    assert np.abs(masked - whole).max() > 1e-3
    np.testing.assert_allclose(smaller(images), masked, rtol=1e-4, atol=1e-4 * np.abs(masked).max())


def test_a_stored_choice_leads_to_the_same_shapes(network):
    channels = trace(network)
    filters = {
        layer: np.flatnonzero(np.isin(channels.outputs[layer], group.units[::2]))
        for group in channels.groups
        for layer in group.layers
    }
    smaller = surgery.rebuilt(network, filters)
    for layer, kept in filters.items():
        assert smaller.get_layer(layer).output_shape[-1] == len(kept)
    assert surgery.rebuilt(network, {}) is network
