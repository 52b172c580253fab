import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization.qat import Widths, quantize, quantize_stock
from tfqnoise.compression.quantization.scheme import CUSTOM_OBJECTS
from tfqnoise.errors import BackendError, PlanError

IMAGES = np.random.default_rng(0).random((16, 8, 8, 3)).astype(np.float32)


def _small(tail):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = tail(x)
    x = keras.layers.Flatten(name="flat")(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="dense")(x))


# What others don't have, quantised within seconds; the rest takes a minute or more.
_QUICK = ("alexnet", "efficientnet_b0", "resnet8", "resnet20", "vgg16", "vgg16_plain")
NAMES = [n if n in _QUICK else pytest.param(n, marks=pytest.mark.slow) for n in networks.registry.entries()]


@pytest.mark.parametrize("name", NAMES)
def test_every_network_is_quantised_whole(name):
    spec = {"name": name, **networks.registry.entry(name).sample}
    network = networks.get(spec, width=0.5 if name.startswith("resnet") else 0.125)((16, 16, 3), 5)
    quantised, reports = quantize(network)
    assert [r.layer for r in reports] == [layer.name for layer in network.layers]
    assert "float" not in {r.status for r in reports}
    for report, layer in zip(reports, network.layers, strict=True):
        if isinstance(layer, keras.layers.Conv2D):
            assert "kernel int8 per channel" in report.reason
    trained = sum(np.prod(v.shape) for v in quantised.trainable_variables)
    assert trained == sum(np.prod(v.shape) for v in network.trainable_variables)


def test_the_network_given_stays_as_it_is():
    network = _small(lambda x: x)
    before = network.get_weights()
    quantised, _ = quantize(network)
    quantised(IMAGES, training=True)
    for variable in quantised.trainable_variables:
        variable.assign_add(tf.ones_like(variable))
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_statuses_say_what_became_of_each_layer():
    _, reports = quantize(_small(lambda x: keras.layers.MaxPooling2D(2, name="pool")(x)))
    assert {r.layer: r.status for r in reports if r.kind != "InputLayer"} == {
        "conv": "quantised",
        "norm": "folded",
        "relu": "quantised",
        "pool": "passed",
        "flat": "passed",
        "dense": "quantised",
    }


TAILS = {
    "no integer form": lambda x: keras.layers.ELU(name="odd")(x),
    "folded only into": lambda x: keras.layers.BatchNormalization(name="odd")(x),
    "a model inside": lambda x: keras.Sequential([keras.layers.ReLU()], name="odd")(x),
    "Lambda": lambda x: keras.layers.Lambda(lambda v: v * 2, name="odd")(x),
}


@pytest.mark.parametrize("reason", TAILS)
def test_a_layer_left_float_is_an_error_with_its_reason(reason):
    with pytest.raises(PlanError, match=reason) as caught:
        quantize(_small(TAILS[reason]))
    assert "'odd'" in str(caught.value)
    assert "--allow-float odd" in str(caught.value)


def test_a_layer_used_twice_is_an_error():
    shared = keras.layers.ReLU(name="odd")
    with pytest.raises(PlanError, match="used 2 times"):
        quantize(_small(lambda x: shared(shared(x))))


def test_a_layer_may_stay_float_by_name():
    network = _small(TAILS["no integer form"])
    quantised, reports = quantize(network, ("odd",))
    assert [r.layer for r in reports if r.status == "float"] == ["odd"]
    assert quantised(IMAGES).shape == (16, 3)
    with pytest.raises(PlanError, match="did you mean 'odd'"):
        quantize(network, ("oddd",))


def test_what_is_no_legacy_model_is_refused():
    with pytest.raises(BackendError):
        quantize("resnet8")


def test_input_is_fixed_to_the_unit_interval():
    quantised, _ = quantize(_small(lambda x: x))
    first = keras.Model(quantised.input, quantised.layers[1].output)
    out = first(np.linspace(-1, 2, 192, dtype=np.float32).reshape(1, 8, 8, 3), training=True).numpy()
    assert out.min() == 0
    assert out.max() == 1
    pixels = np.arange(192, dtype=np.float32).reshape(1, 8, 8, 3) / np.float32(255)
    np.testing.assert_allclose(first(pixels, training=True), pixels, atol=1e-7)


def test_a_quantised_model_can_be_rebuilt_from_its_config():
    quantised, _ = quantize(_small(lambda x: x))
    quantised(IMAGES, training=True)
    with keras.utils.custom_object_scope(CUSTOM_OBJECTS):
        import tensorflow_model_optimization as tfmot

        with tfmot.quantization.keras.quantize_scope(CUSTOM_OBJECTS):
            again = keras.Model.from_config(quantised.get_config())
    again.set_weights(quantised.get_weights())
    np.testing.assert_array_equal(again(IMAGES, training=False), quantised(IMAGES, training=False))


def test_it_trains_as_stock_tf_mot_does():
    """Same forward pass where ranges agree: ours after one batch, TF-MOT's set to the same ranges."""
    network = _small(lambda x: x)
    ours, stock = quantize(network)[0], quantize_stock(network)
    ours(IMAGES, training=True)
    stock(IMAGES, training=True)
    ranges = {v.name.split(":")[0]: v for v in ours.weights if v.name.endswith(("min:0", "max:0"))}
    copied = 0
    for variable in stock.weights:
        name = variable.name.split(":")[0]
        if name in ranges:
            variable.assign(ranges[name])
            copied += 1
        elif "/kernel_" in name:
            # TF-MOT keeps the range of a weight, ours takes it from the weight.
            kernel = network.get_layer(name.split("/")[0].removeprefix("quant_")).kernel.numpy()
            top = np.abs(kernel).max(axis=tuple(range(kernel.ndim - variable.shape.rank)))
            variable.assign(top if name.endswith("_max") else -top)
        elif name.endswith("_max"):
            variable.assign(1.0)
        elif name.endswith("_min"):
            variable.assign(0.0)
    assert copied >= 4
    for theirs, mine in zip(_norms(stock), _norms(ours), strict=True):
        theirs.set_weights(mine.get_weights())
    np.testing.assert_allclose(ours(IMAGES), stock(IMAGES), atol=1e-5)


def test_edges_and_activations_have_widths_of_their_own():
    _, reports = quantize(networks.get("resnet8", width=0.5)((16, 16, 3), 5), widths=Widths(2, "lsq", 4, "pact"))
    reasons = {r.layer: r.reason for r in reports}
    assert "kernel int8" in reasons["stem"]
    assert "kernel int8" in reasons["logits"]
    assert "kernel int2 per channel" in reasons["stage2_block1_shortcut"]
    assert "16 levels of int8" in reasons["stage1_block1_relu"]
    assert "output int8 per tensor" in reasons["stage1_block1_conv2_bn"]
    _, reports = quantize(networks.get("resnet8", width=0.5)((16, 16, 3), 5), widths=Widths(4, edge_bits=4))
    assert {"int4" in r.reason for r in reports if r.kind in ("Conv2D", "Dense")} == {True}


def test_every_kind_of_layer_is_covered():
    """Depthwise, dense, convolution, strided, Add, both poolings and concatenation, at four bits."""
    layers = keras.layers
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="strided")(image)
    y = layers.BatchNormalization(name="norm")(layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x))
    x = layers.Add(name="add")([x, layers.ReLU(6.0, name="relu6")(y)])
    x = layers.Concatenate(name="concat")(
        [layers.MaxPooling2D(2, name="max")(x), layers.AveragePooling2D(2, name="mean")(x)]
    )
    x = layers.Dense(5, activation="relu", name="hidden")(layers.Flatten(name="flat")(x))
    network = keras.Model(image, layers.Dense(3, name="logits")(layers.Dropout(0.5, name="dropout")(x)))
    quantised, reports = quantize(network, widths=Widths(4, "lsq", 4, "lsq"))
    assert "float" not in {r.status for r in reports}
    quantised(np.random.default_rng(0).random((4, 16, 16, 3), np.float32), training=True)
    assert np.isfinite(quantised(np.zeros((1, 16, 16, 3), np.float32))).all()


def _norms(model):
    inner = [getattr(layer, "layer", layer) for layer in model.layers]
    return [layer for layer in inner if isinstance(layer, keras.layers.BatchNormalization)]
