import numpy as np
import pytest

from tfqnoise.backend import keras
from tfqnoise.compression.quantization.qat import Widths, quantize
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.export import convert
from tfqnoise.export.inspect import constant, inspect, problems, read, unpacked_codes
from tfqnoise.export.interpreter import Interpreter
from tfqnoise.export.rounding import compensated
from tfqnoise.export.sizes import tensor_sizes
from tfqnoise.export.storage import pack, packed_codes, same_weights, unpacked
from tfqnoise.networks.predict import Predictor

RANDOM = np.random.default_rng(0)
# Odd counts: the last byte of a packed tensor is filled up.
SHAPE = (9, 9, 3)


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("count", [1, 7, 64, 135])
def test_packing_loses_nothing(bits, count):
    codes = RANDOM.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), count).astype(np.int8)
    data = packed_codes(codes, bits)
    assert data.size == -(-count * bits // 8)
    np.testing.assert_array_equal(unpacked_codes(data, bits, count), codes)


def _network(kind):
    image = keras.Input(SHAPE)
    if kind == "dense":
        # Without a bias the converter leaves it out, and LiteRT takes other kernels.
        bias = keras.initializers.RandomNormal(0, 0.1, seed=0)
        x = keras.layers.Dense(7, name="middle", bias_initializer=bias)(keras.layers.Flatten(name="flat")(image))
        return keras.Model(image, x)
    layer = keras.layers.DepthwiseConv2D if kind == "depthwise" else keras.layers.Conv2D
    arguments = (3,) if kind == "depthwise" else (5, 3)
    x = layer(*arguments, strides=2 if kind == "strided" else 1, padding="same", name="middle")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    return keras.Model(image, keras.layers.ReLU(name="relu")(x))


TYPES = {8: "INT8", 4: "INT4", 3: "INT4", 2: "INT4", 1: "INT4"}


@pytest.mark.parametrize("kind", ["conv", "strided", "depthwise", "dense"])
@pytest.mark.parametrize("bits", [8, 4, 2, 1])
def test_every_width_is_stored_in_the_narrowest_type_that_runs(kind, bits):
    """Exact codes in the file, and LiteRT's own kernels read them as the same integers."""
    quantised, _ = quantize(_network(kind), widths=Widths(bits, "lsq", edge_bits=bits))
    for _ in range(3):
        quantised(RANDOM.random((16, *SHAPE), np.float32), training=True)
    images = RANDOM.integers(0, 256, (40, *SHAPE), np.uint8)
    for storage, kind_of_type in (("int8", "INT8"), ("int4", TYPES[bits]), ("narrowest", TYPES[bits])):
        if storage == "narrowest" and kind == "dense" and bits <= 2:
            kind_of_type = "INT2"
        settle(quantised, storage)
        as_int8 = convert.integer(quantised, SHAPE)
        packed = pack(as_int8, storage)
        kernel = tensor_sizes(packed)[0]
        assert kernel.type == kind_of_type
        assert kernel.unique <= 2**bits
        width = {"INT8": 8, "INT4": 4, "INT2": 2}[kind_of_type]
        assert kernel.stored_bytes == -(-kernel.elements * width // 8)
        assert problems(inspect(packed), "int8") == []
        assert same_weights(as_int8, packed)
        one, other = (Interpreter(c, kernels="built-in")(images) for c in (as_int8, packed))
        np.testing.assert_array_equal(one, other)
        # And the network computes what the file does, whichever kernels run it.
        interpreter = Interpreter(compensated(packed))
        scale, zero = interpreter.outputs[0]["quantization"]
        steps = np.clip(np.round(Predictor(quantised)(images) / scale) + zero, -128, 127)
        answers = interpreter(images)
        assert np.mean(steps.reshape(answers.shape) != answers) < 0.01


def test_codes_in_the_file_are_the_trained_ones():
    quantised, _ = quantize(_network("conv"), widths=Widths(4, "lsq", edge_bits=4))
    quantised(RANDOM.random((16, *SHAPE), np.float32), training=True)
    weight, quantizer, variables = quantised.get_layer("quant_middle")._weight_vars[0]
    step = quantizer.step(weight, variables)
    expected = np.round(quantizer(weight, False, variables) / step).transpose(3, 0, 1, 2)
    model = read(pack(convert.integer(quantised, SHAPE)))
    operator = next(op for op in model.subgraphs[0].operators if len(op.inputs) == 3)
    np.testing.assert_array_equal(constant(model, model.subgraphs[0].tensors[operator.inputs[1]]), expected)


def test_unpacked_it_answers_the_same():
    quantised, _ = quantize(_network("dense"), widths=Widths(2, "lsq", edge_bits=2))
    quantised(RANDOM.random((16, *SHAPE), np.float32), training=True)
    as_int8 = convert.integer(quantised, SHAPE)
    packed = pack(as_int8)
    assert {t.type for t in tensor_sizes(unpacked(packed))} == {"INT8", "INT32"}
    images = RANDOM.integers(0, 256, (20, *SHAPE), np.uint8)
    one, other = (Interpreter(c, kernels="built-in")(images) for c in (as_int8, unpacked(packed)))
    np.testing.assert_array_equal(one, other)
    assert unpacked(as_int8) == as_int8
    assert not same_weights(as_int8, pack(convert.integer(quantize(_network("dense"))[0], SHAPE)))
