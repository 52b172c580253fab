import numpy as np
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.backend import keras
from tfqnoise.compression.quantization import activations
from tfqnoise.compression.quantization.hard_swish import found, kernel, parts
from tfqnoise.compression.quantization.qat import Widths, quantize
from tfqnoise.compression.quantization.settle import _quantizer, _scale_and_zero, settle
from tfqnoise.errors import PlanError
from tfqnoise.export import convert
from tfqnoise.export.inspect import inspect, operator_name, problems, read
from tfqnoise.export.interpreter import KERNELS, Interpreter
from tfqnoise.networks import blocks
from tfqnoise.networks.predict import Predictor

SHAPE = (12, 12, 3)


def _network():
    """One hard-swish, one swish, both kinds of gates."""
    image = keras.Input(SHAPE, name="image")
    x = blocks.convolution(image, 8, 3, 1, "curved", blocks.hard_swish)
    x = blocks.squeeze_excite(x, 4, "gated", blocks.relu, blocks.relu6, bias=3.0)
    x = blocks.depthwise(x, 3, 2, "smooth", blocks.swish)
    x = blocks.squeeze_excite(x, 4, "soft", blocks.swish, _sigmoid)
    return blocks.headed(image, blocks.convolution(x, 8, 1, 1, "last", None), 5, "small")


def _sigmoid(x, at):
    return keras.layers.Activation("sigmoid", name=f"{at}_sigmoid")(x)


def _pictures(count, seed=0):
    random = np.random.default_rng(seed)
    return (random.integers(0, 256, (count, *SHAPE)) * random.random((count, 1, 1, 3))).astype(np.uint8)


def test_a_hard_swish_computes_its_formula():
    x = np.linspace(-8, 8, 101, dtype=np.float32)[:, None]
    inputs = keras.Input((1,))
    model = keras.Model(inputs, blocks.hard_swish(inputs, "at"))
    np.testing.assert_allclose(model(x), x * np.clip(x + 3, 0, 6) / 6, atol=1e-6)


def test_what_lies_within_a_hard_swish_is_found_and_nothing_else():
    assert parts(_network()) == dict.fromkeys(("curved_shift", "curved_relu", "curved_sixth"), "curved_hard_swish")


@pytest.mark.parametrize("fault", ["scale", "offset", "top", "other input", "second use"])
def test_what_only_resembles_a_hard_swish_is_none(fault):
    layers = keras.layers
    inputs = keras.Input((4, 4, 2))
    x = layers.Conv2D(2, 1, name="conv")(inputs)
    shifted = layers.Rescaling(1.0, 2.0 if fault == "offset" else 3.0, name="shift")(x)
    relu = layers.ReLU(1.0 if fault == "top" else 6.0, name="relu")(shifted)
    sixth = layers.Rescaling(0.2 if fault == "scale" else 1 / 6, name="sixth")(relu)
    other = layers.Conv2D(2, 1, name="other")(inputs) if fault == "other input" else x
    y = layers.Multiply(name="product")([other, sixth])
    if fault == "second use":
        y = layers.Add(name="sum")([y, relu])
    network = keras.Model(inputs, layers.Dense(2, name="dense")(layers.Flatten(name="flat")(y)))
    assert parts(network) == {}
    # Alone a rescaling has no integer form.
    with pytest.raises(PlanError, match="no integer form of Rescaling"):
        quantize(network)


@pytest.fixture(scope="module", params=[8, 4])
def made(request):
    """A quantised network, what became of its layers, and its integer model."""
    keras.utils.set_random_seed(1)
    quantised, reports = quantize(_network(), widths=Widths(bits=request.param, activation_bits=request.param))
    for seed in range(5):
        quantised(_pictures(32, seed).astype(np.float32) / 255, training=True)
    settle(quantised, "int8")
    return quantised, reports, convert.integer(quantised, SHAPE)


def test_reports_say_where_its_layers_went(made):
    found = {report.layer: report for report in made[1]}
    assert found["curved_relu"].status == "fused"
    assert "curved_hard_swish" in found["curved_relu"].reason
    assert found["curved_bn"].reason.endswith("output int8 per tensor")
    assert {report.status for report in found.values()} == {"quantised", "folded", "fused"}


def test_products_gates_and_hard_swish_are_integers_that_agree(made):
    quantised, _, content = made
    contents = inspect(content)
    assert problems(contents, "int8") == []
    # A hard-swish is one operator; a sigmoid's gate and a swish's are LOGISTIC.
    wanted = {"HARD_SWISH": 1, "LOGISTIC": 3, "MUL": 4, "MEAN": 3, "CONV_2D": 6, "DEPTHWISE_CONV_2D": 1}
    assert contents.operators == {**wanted, "FULLY_CONNECTED": 1}
    images = _pictures(200, 9)
    interpreter = Interpreter(content)
    scale, zero = interpreter.outputs[0]["quantization"]
    steps = np.round(Predictor(quantised)(images) / scale) + zero
    difference = np.abs(interpreter(images) - steps)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.02


def test_a_sigmoid_keeps_the_one_range_of_its_kernel(made):
    model = read(made[2])
    graph = model.subgraphs[0]
    outputs = [graph.tensors[op.outputs[0]] for op in graph.operators if operator_name(model, op) == "LOGISTIC"]
    assert {(t.quantization.scale[0], t.quantization.zeroPoint[0]) for t in outputs} == {(1 / 256, -128)}


def test_a_settled_hard_swish_has_the_kernels_codes(made):
    """All 256 codes; the range moved by half a percent at most, and settling again moves nothing."""
    quantised = made[0]
    (product, x, _) = found(quantised)[0]
    (source, source_variables), (result, variables) = (_quantizer(layer) for layer in (x, product))
    step, zero = _scale_and_zero(source, source_variables)
    scale, offset = _scale_and_zero(result, variables)
    codes = np.arange(-128, 128)
    values = (codes - zero) * np.float32(step)
    values = values * (np.clip(values + 3, 0, 6) * np.float32(1 / 6))
    wanted = np.round(result(values, False, variables) / scale) + offset
    np.testing.assert_array_equal(kernel(codes, (step, zero), (scale, offset)), wanted)
    before = [variable.numpy() for variable in variables.values()]
    settle(quantised, "int8")
    np.testing.assert_array_equal([variable.numpy() for variable in variables.values()], before)


@pytest.mark.parametrize("name", activations.registry.entries())
def test_every_range_can_be_stretched(name):
    quantizer = activations.get(name, bits=8, non_negative=True)
    variables = quantizer.build(None, "output", keras.layers.Layer())
    before = quantizer.scale(variables)
    quantizer.stretch(variables, 1.01)
    assert quantizer.scale(variables) == pytest.approx(1.01 * before, rel=1e-5)


def test_the_kernel_is_litert_s_own(made):
    """Against all three sets of kernels, for thirty pairs of scales that have nothing in common."""
    model = read(made[2])
    graph = model.subgraphs[0]
    operator = next(op for op in graph.operators if operator_name(model, op) == "HARD_SWISH")
    source, result = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    graph.operators, model.signatureDefs = [operator], []
    graph.inputs, graph.outputs = list(operator.inputs), list(operator.outputs)
    size = int(np.prod(source.shape))
    random, codes, off = np.random.default_rng(0), np.arange(-128, 128), 0
    for _ in range(30):
        pairs = [(float(np.float32(random.uniform(0.01, 0.09))), int(random.integers(-128, 100))) for _ in range(2)]
        for tensor, (scale, zero) in zip((source, result), pairs, strict=True):
            tensor.quantization.scale, tensor.quantization.zeroPoint = np.float32([scale]), np.int64([zero])
        wanted = kernel(codes, *pairs)
        x = (codes - pairs[0][1]) * pairs[0][0]
        exact = np.clip(np.round(x * np.clip(x + 3, 0, 6) / 6 / pairs[1][0]) + pairs[1][1], -128, 127)
        assert np.abs(wanted - exact).max() <= 1
        off += np.count_nonzero(wanted != exact)
        for kernels in KERNELS:
            interpreter = Interpreter(bytes(flatbuffer_utils.convert_object_to_bytearray(model)), kernels=kernels)
            interpreter.set_input(np.resize(codes, size).astype(np.int8).reshape(source.shape))
            interpreter.invoke()
            np.testing.assert_array_equal(interpreter.output().ravel()[:256], wanted)
    # Rounding to nearest would be another one.
    assert 0 < off < 0.02 * 30 * 256
