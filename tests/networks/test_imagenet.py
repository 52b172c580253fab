import importlib

import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras
from tfqnoise.errors import DataError, UsageError
from tfqnoise.networks.imagenet import load

_applications = keras.applications
_slow = pytest.mark.slow
_SIGNED, _BYTES = (lambda x: 2 * x - 1), (lambda x: 255 * x)


def _built(name, **settings):
    return getattr(_applications, name)(weights=None, classifier_activation=None, **settings)


# What it is called there, with its settings, the layer of its first batch norm, and the pictures that it takes.
SOURCES = {
    "mobilenet_v1": ("MobileNet", {"alpha": 0.25, "input_shape": (96, 96, 3)}, "conv1_bn", _SIGNED),
    "mobilenet_v2": ("MobileNetV2", {"alpha": 0.35, "input_shape": (96, 96, 3)}, "bn_Conv1", _SIGNED),
    "mobilenet_v3_small": (
        "MobileNetV3Small",
        {"alpha": 0.75, "input_shape": (96, 96, 3)},
        "Conv/BatchNorm",
        _BYTES,
    ),
    "mobilenet_v3_large": (
        "MobileNetV3Large",
        {"alpha": 0.75, "input_shape": (96, 96, 3)},
        "Conv/BatchNorm",
        _BYTES,
    ),
    "efficientnet_b0": ("EfficientNetB0", {"input_shape": (96, 96, 3)}, "stem_bn", _BYTES),
}


def _shuffled(source):
    """Gives a model statistics, scales and biases as if it had learned, and a normalisation of its own."""
    random = np.random.default_rng(0)
    for layer in source.layers:
        shapes = [v.shape for v in layer.weights]
        if isinstance(layer, keras.layers.BatchNormalization):
            ranges = ((0.5, 1.5), (-0.5, 0.5), (-0.2, 0.2), (0.3, 1.5))
            layer.set_weights([random.uniform(*r, s) for r, s in zip(ranges, shapes, strict=True)])
        elif isinstance(layer, keras.layers.Normalization):
            layer.mean, layer.variance = np.float32([[[[0.4, 0.5, 0.6]]]]), np.float32([[[[0.04, 0.05, 0.06]]]])
        elif len(shapes) == 2:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, random.normal(0, 0.3, bias.shape)])
    return source


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if "v3_small" in n else _slow) for n in SOURCES])
def test_the_network_computes_what_its_source_does(name):
    """The first layer but at the edge beyond which the one sees black and the other grey; the rest throughout."""
    kind, settings, stem, pictures = SOURCES[name]
    source = _shuffled(_built(kind, **settings))
    width = settings.get("alpha", 1.0)
    network = networks.get(name, width=width)((96, 96, 3), 1000)
    assert load(network, name, width, source) == ()
    images = np.random.default_rng(1).random((3, 96, 96, 3), np.float32)
    own, other = network.get_layer("stem_bn").output, source.get_layer(stem).output
    mine = keras.Model(network.input, own)(images).numpy()
    theirs = keras.Model(source.input, other)(pictures(images)).numpy()
    np.testing.assert_allclose(mine[:, :-1, :-1], theirs[:, :-1, :-1], atol=1e-4)
    assert np.abs(mine - theirs).max() > 1e-2
    logits = keras.Model(other, source.output)(theirs).numpy()
    ours = keras.Model(own, network.output)(theirs).numpy()
    np.testing.assert_allclose(ours, logits, atol=2e-3 * np.abs(logits).max())
    # The edge changes little of the whole.
    whole = network(images).numpy()
    assert np.abs(whole - logits).mean() < 0.1 * np.abs(logits).mean()


def test_of_other_classes_and_sizes_the_head_stays_fresh():
    source = _shuffled(_built("MobileNetV2", alpha=0.35, input_shape=(96, 96, 3)))
    network = networks.get("mobilenet_v2", width=0.35)((32, 32, 3), 10)
    before = network.get_layer("logits").get_weights()
    assert load(network, "mobilenet_v2", 0.35, source) == ("logits",)
    for one, two in zip(before, network.get_layer("logits").get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    kernel = source.get_layer("block_1_depthwise").get_weights()[0]
    np.testing.assert_array_equal(network.get_layer("block2_depthwise").get_weights()[0], kernel)


@pytest.mark.parametrize(
    ("name", "width", "shape", "message"),
    [
        ("resnet8", 1.0, (32, 32, 3), "ImageNet for resnet8"),
        ("mobilenet_v1", 0.3, (32, 32, 3), "of width 0.3"),
        ("mobilenet_v1", 0.25, (32, 32, 1), "1 channels"),
    ],
)
def test_what_there_are_no_weights_for_is_refused(name, width, shape, message):
    with pytest.raises(UsageError, match=message):
        load(networks.get(name, width=width)(shape, 10), name, width)


def test_a_network_of_another_depth_or_width_is_refused():
    source = keras.Sequential([keras.layers.Conv2D(4, 3, input_shape=(8, 8, 3))])
    with pytest.raises(UsageError, match="which differ from the 1 learned"):
        load(networks.get("mobilenet_v1", width=0.25)((32, 32, 3), 10), "mobilenet_v1", 0.25, source)


def test_without_a_connection_there_is_one_message(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    module = importlib.import_module("tf_keras.src.applications.mobilenet")
    # A port on which nothing listens.
    monkeypatch.setattr(module, "BASE_WEIGHT_PATH", "http://127.0.0.1:9/")
    network = networks.get("mobilenet_v1", width=0.25)((32, 32, 3), 10)
    with pytest.raises(DataError) as caught:
        load(network, "mobilenet_v1", 0.25)
    assert "can't be had" in str(caught.value)
    assert "mobilenet_2_5_224_tf.h5" in str(caught.value)
    assert "~/.keras/models" in str(caught.value)
