from types import SimpleNamespace

import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras, quiet, tf
from tfqnoise.compression.quantization.qat import quantize
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.data.source import Examples
from tfqnoise.export import convert
from tfqnoise.export.inspect import inspect, problems, read
from tfqnoise.export.interpreter import Interpreter
from tfqnoise.export.layerwise import compare_layers
from tfqnoise.networks.predict import Predictor

RANDOM = np.random.default_rng(0)
SHAPE = (16, 16, 3)


# With and without batch norm, additions and pooling; the others take up to a minute each.
_QUICK = ("alexnet", "resnet8")
NAMES = [n if n in _QUICK else pytest.param(n, marks=pytest.mark.slow) for n in networks.registry.entries()]


# Through dozens of layers of eight channels a single step grows to any number: each layer is asked by itself.
_MANY = 100


def _pictures(count, random):
    """Noise of every contrast: what is alike, batch norms draw apart until single steps are all there is."""
    return (random.integers(0, 256, (count, *SHAPE)) * random.random((count, 1, 1, 3))).astype(np.uint8)


@pytest.fixture(scope="module", params=NAMES)
def network(request):
    """A network that has seen pictures but learned nothing: every activation has a range of its own."""
    # The same network in whatever order tests run: how far a single step grows through its layers depends on it.
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(1)
    width = 0.5 if request.param.startswith("resnet") else 0.125
    spec = {"name": request.param, **networks.registry.entry(request.param).sample}
    quantised, _ = quantize(networks.get(spec, width=width)(SHAPE, 6))
    for _ in range(20 if len(quantised.layers) > _MANY else 3):
        quantised(_pictures(32, random) / np.float32(255), training=True)
    settle(quantised)
    return quantised


@pytest.fixture(scope="module")
def models(network):
    """The network's integer model with either type of border."""
    return {io: convert.integer(network, SHAPE, io) for io in ("int8", "uint8")}


def _scales(content):
    graph = read(content).subgraphs[0]
    return {
        tensor.name.decode(): np.asarray(tensor.quantization.scale)
        for tensor in graph.tensors
        if tensor.quantization is not None and tensor.quantization.scale is not None
    }


def test_both_ways_of_the_converter_give_the_same_scales(network, models):
    converter = convert._converter(network, SHAPE)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_low_bit_qat = True
    with quiet():
        low_bit = converter.convert()
    one, other = _scales(models["int8"]), _scales(low_bit)
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_scales_are_the_quantizers_own(network, models):
    """Every activation of the file carries the range that training gave it, and no other."""
    trained = {}
    for layer in network.layers:
        ranges = {v.name.split("/")[-1].split(":")[0]: float(v) for v in layer.weights if v.shape == ()}
        for prefix in ("output", "post_activation"):
            if f"{prefix}_max" in ranges:
                trained[layer.name] = (ranges[f"{prefix}_max"] - ranges[f"{prefix}_min"]) / 255
    graph = read(models["int8"]).subgraphs[0]
    seen = set()
    for op in graph.operators:
        tensor = graph.tensors[op.outputs[0]]
        layer = next((p for p in tensor.name.decode().replace(";", "/").split("/") if p in trained), None)
        if layer is None:
            # What only moves values keeps the scale of what it is given.
            np.testing.assert_array_equal(tensor.quantization.scale, graph.tensors[op.inputs[0]].quantization.scale)
            continue
        np.testing.assert_allclose(tensor.quantization.scale, [trained[layer]], rtol=1e-5)
        seen.add(layer)
    assert seen == set(trained)


def test_a_picture_goes_in_as_pixel_minus_128(models):
    content = models["int8"]
    graph = read(content).subgraphs[0]
    first = graph.tensors[graph.inputs[0]]
    assert first.quantization.scale[0] == pytest.approx(1 / 255, rel=1e-6)
    assert first.quantization.zeroPoint[0] == -128
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(Interpreter(content).prepare(pixels).ravel(), np.arange(-128, 128))


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_every_network_is_exported_in_integers_and_agrees(network, models, io):
    content = models[io]
    assert problems(inspect(content), io) == []
    interpreter = Interpreter(content)
    assert interpreter.kernel == "XNNPACK"
    # The same pictures in whatever order tests run.
    images = _pictures(200, np.random.default_rng(2))
    details = interpreter.outputs[0]
    scale, zero = details["quantization"]
    steps = np.round(Predictor(network)(images) / scale) + zero
    difference = np.abs(interpreter(images) - steps)
    deep = len(network.layers) > _MANY
    if deep:
        restored = SimpleNamespace(network=network, test=Examples(np.arange(200).astype(str), images, np.zeros(200)))
        assert not [str(layer) for layer in compare_layers(content, restored) if not layer.faithful]
    else:
        assert difference.max() <= 3
    share, agreement = (0.2, 0.95) if deep else (0.1, 0.98)
    assert (difference > 0).mean() < share
    assert np.mean(np.argmax(interpreter(images), axis=1) == np.argmax(steps, axis=1)) > agreement


def test_an_int8_and_a_uint8_model_give_the_same_answers(models):
    images = RANDOM.integers(0, 256, (50, *SHAPE), np.uint8)
    one, other = (Interpreter(models[io])(images) for io in ("int8", "uint8"))
    np.testing.assert_array_equal(one.astype(int) + 128, other)


def test_a_layer_left_float_is_found_in_the_file():
    inputs = keras.Input(SHAPE)
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.ELU(name="odd")(x)
    outputs = keras.layers.Dense(3, name="dense")(keras.layers.Flatten(name="flat")(x))
    quantised, _ = quantize(keras.Model(inputs, outputs), ("odd",))
    quantised(RANDOM.random((8, *SHAPE), np.float32), training=True)
    found = problems(inspect(convert.integer(quantised, SHAPE)), "int8")
    assert any("QUANTIZE" in problem for problem in found)
    assert any("are float" in problem for problem in found)
