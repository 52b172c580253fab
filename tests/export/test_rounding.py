import numpy as np
import pytest

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization.qat import Widths, quantize
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.export import convert
from tfqnoise.export.inspect import constant, layer_name, operator_name, read, with_all_outputs
from tfqnoise.export.interpreter import Interpreter
from tfqnoise.export.rounding import compensated
from tfqnoise.export.storage import pack
from tfqnoise.networks.predict import Predictor

RANDOM = np.random.default_rng(0)
SHAPE = (12, 12, 3)
IMAGES = RANDOM.integers(0, 256, (60, *SHAPE), np.uint8)


@pytest.fixture(scope="module")
def network():
    """Convolutions and depthwise ones, with and without ReLU and batch norm, at four bits."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    x = image = keras.Input(SHAPE, name="image")
    x = layers.ReLU(name="relu1")(layers.Conv2D(16, 3, padding="same", name="conv1")(x))
    x = layers.Conv2D(16, 3, padding="same", name="conv2")(x)
    x = layers.ReLU(name="relu2")(layers.BatchNormalization(name="norm2")(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise1")(x)
    x = layers.ReLU(name="relu3")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise2")(x)
    x = layers.Conv2D(16, 1, name="conv3")(x)
    x = layers.Flatten(name="flat")(layers.MaxPooling2D(4, name="pool")(x))
    quantised, _ = quantize(keras.Model(image, layers.Dense(5, name="logits")(x)), widths=Widths(4, "lsq"))
    for _ in range(5):
        quantised(IMAGES.astype(np.float32) / 255, training=True)
    settle(quantised)
    return quantised


def _integers(content):
    """Every activation that the built-in kernels compute, and what goes in, by tensor."""
    interpreter = Interpreter(with_all_outputs(content), kernels="built-in")
    rows = []
    for picture in interpreter.prepare(IMAGES):
        interpreter.set_input(picture[None])
        interpreter.invoke()
        rows.append([interpreter.output(n)[0].copy() for n in range(len(interpreter.outputs))])
    graph = read(content).subgraphs[0]
    made = [op.outputs[0] for op in graph.operators]
    found = {index: np.stack([row[n] for row in rows]) for n, index in enumerate(made)}
    return found | {graph.inputs[0]: interpreter.prepare(IMAGES)}


def test_built_in_convolutions_round_as_stated(network):
    """q = floor(a M + 1/2 + 2^-(r+1)), value by value; if LiteRT changes this, what makes up for it must change."""
    content = pack(convert.integer(network, SHAPE))
    model = read(content)
    graph, values = model.subgraphs[0], _integers(content)
    shifts = set()
    for op in graph.operators:
        name = operator_name(model, op)
        if not name.endswith("CONV_2D"):
            continue
        source, weights, bias, result = (graph.tensors[n] for n in (*op.inputs, op.outputs[0]))
        inputs = values[op.inputs[0]].astype(np.float64) - source.quantization.zeroPoint[0]
        kernel = constant(model, weights).astype(np.float64).transpose(1, 2, 3, 0)
        sums = (
            tf.nn.conv2d(inputs, kernel, 1, "SAME")
            if name == "CONV_2D"
            else tf.nn.depthwise_conv2d(inputs, kernel, [1, 1, 1, 1], "SAME")
        )
        accumulator = sums.numpy() + constant(model, bias)
        scales = [np.asarray(t.quantization.scale, np.float64) for t in (source, weights, result)]
        factor = scales[0] * scales[1] / scales[2]
        _, exponent = np.frexp(factor)
        more = np.where(exponent < 0, 2.0 ** (exponent - 1), 0)
        zero = result.quantization.zeroPoint[0]
        low = zero if op.builtinOptions.fusedActivationFunction == 1 else -128
        expected = np.clip(np.floor(accumulator * factor + 0.5 + more) + zero, low, 127)
        np.testing.assert_array_equal(values[op.outputs[0]], expected)
        shifts |= set(exponent)
    assert min(shifts) < -1


def test_packed_convolutions_agree_with_the_network(network):
    as_int8 = convert.integer(network, SHAPE)
    content = compensated(pack(as_int8))
    exact = _share_differing(content, network)
    assert exact <= 0.002
    assert exact < _share_differing(pack(as_int8), network)
    # With int8 weights XNNPACK rounds once, and the network is settled for that.
    kept = network.get_weights()
    settle(network, "int8")
    assert _share_differing(convert.integer(network, SHAPE), network) <= 0.002
    settle(network)
    for value, before in zip(network.get_weights(), kept, strict=True):
        np.testing.assert_allclose(value, before, atol=1e-3)
    network.set_weights(kept)


def _share_differing(content, network):
    interpreter = Interpreter(content)
    step, zero = interpreter.outputs[0]["quantization"]
    expected = np.clip(np.round(Predictor(network)(IMAGES) / step) + zero, -128, 127)
    return np.mean(interpreter(IMAGES) != expected)


def test_only_biases_of_packed_convolutions_change_and_by_one_unit(network):
    packed = pack(convert.integer(network, SHAPE))
    before, after = read(packed), read(compensated(packed))
    lowered = {}
    for one, other in zip(before.subgraphs[0].operators, after.subgraphs[0].operators, strict=True):
        for place, index in enumerate(one.inputs):
            tensor, now = before.subgraphs[0].tensors[index], after.subgraphs[0].tensors[other.inputs[place]]
            if before.buffers[tensor.buffer].data is not None:
                difference = set((constant(before, tensor).astype(int) - constant(after, now)).ravel())
                if difference != {0}:
                    weights = before.subgraphs[0].tensors[one.inputs[1]].name.decode()
                    lowered[layer_name(weights)] = place, difference
    assert sorted(lowered) == ["conv2", "conv3", "depthwise1", "depthwise2"]
    assert all(place == 2 and difference <= {0, 1} for place, difference in lowered.values())


def test_a_model_without_packed_convolutions_stays_as_it_is(network):
    content = convert.integer(network, SHAPE)
    assert compensated(content) == content
