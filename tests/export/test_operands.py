import dataclasses

import pytest

from tfqnoise.export.graph import Operator, Tensor
from tfqnoise.export.operands import fault, tensor_fault

DATA = Tensor(0, "data", "INT8", (1, 8, 8, 3), False, False, 1, scale=0.1, zero_point=-128)
WEIGHTS = Tensor(1, "weights", "INT8", (4, 3, 3, 3), False, True, 4, scale=0.1, zero_point=0)
BIAS = Tensor(2, "bias", "INT32", (4,), False, True, 4, scale=0.01, zero_point=0)
OUTPUT = Tensor(3, "output", "INT8", (1, 8, 8, 4), False, False, 1, scale=0.1, zero_point=0)
STEPS = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}


def _convolution(inputs=(DATA, WEIGHTS, BIAS), outputs=(OUTPUT,), name="CONV_2D", **options):
    return Operator(0, name, 3, inputs, outputs, STEPS | options)


def _changed(tensor, **changes):
    return dataclasses.replace(tensor, **changes)


def test_a_sound_convolution_has_no_fault():
    assert fault(_convolution()) == ""
    assert fault(_convolution((DATA, WEIGHTS, None))) == ""
    assert fault(_convolution((DATA, WEIGHTS))) == ""
    # A rank that is found when the model runs isn't in the file.
    assert fault(_convolution((_changed(DATA, shape=()), WEIGHTS, BIAS))) == ""


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        (_convolution((DATA, None, BIAS)), "lacks its input 1"),
        (_convolution((DATA,)), "has 1 inputs"),
        (_convolution(outputs=()), "0 outputs"),
        (_convolution(strideW=0), "strideW 0"),
        (_convolution(dilationHFactor=-1), "dilationHFactor -1"),
        (_convolution((DATA, _changed(WEIGHTS, shape=(4, 27)), BIAS)), "weights of the shape [4, 27]"),
        (_convolution((DATA, _changed(WEIGHTS, shape=(4, 0, 3, 3)), BIAS)), "weights of the shape [4, 0, 3, 3]"),
        (_convolution((_changed(DATA, shape=(64, 3)), WEIGHTS, BIAS)), "for [64, 3]"),
        (_convolution((DATA, WEIGHTS, _changed(BIAS, shape=(5,)))), "a bias of 5 values for 4 channels"),
        (_convolution((DATA, WEIGHTS, _changed(BIAS, type="UINT8"))), "a bias of type UINT8"),
        (_convolution((DATA, _changed(WEIGHTS, scales=0), BIAS)), "tensor 1, which lacks its scale"),
        (_convolution(outputs=(_changed(OUTPUT, type="FLOAT32"),)), "makes FLOAT32 of INT8"),
        (Operator(0, "CONV_2D", 1, (DATA, WEIGHTS), (OUTPUT,), {}), "strideW missing"),
        (Operator(0, "SPLIT", 1, (BIAS, DATA), (OUTPUT, OUTPUT), {"numSplits": 3}), "numSplits 3 and 2 outputs"),
        (Operator(0, "PACK", 1, (DATA, DATA), (OUTPUT,), {"valuesCount": 3}), "valuesCount 3 and 2 inputs"),
        (Operator(0, "MAX_POOL_2D", 1, (DATA,), (OUTPUT,), {"strideW": 1, "strideH": 0}), "strideH 0"),
        (Operator(0, "ADD", 1, (DATA, None), (OUTPUT,), {}), "lacks its input 1"),
    ],
)
def test_a_fault_is_said_in_words(operator, words):
    assert words in fault(operator)


def test_gates_of_recurrent_layers_may_lack_weights():
    assert fault(Operator(0, "UNIDIRECTIONAL_SEQUENCE_LSTM", 1, (DATA, None, WEIGHTS), (OUTPUT,), {})) == ""


@pytest.mark.parametrize(
    ("tensor", "scales", "zeros", "words"),
    [
        (_changed(DATA, shape=(-1, 2)), [0.1], [0], "has the shape [-1, 2]"),
        (_changed(DATA, shape=(2**31 - 1, 2**31 - 1, 9)), [0.1], [0], "has the shape"),
        (_changed(DATA, shape=(1,) * 99 + (-1,)), [0.1], [0], "the shape of 100 sizes"),
        (DATA, [0.1, 0.2], [0], "2 scales and 1 zero points"),
        (DATA, [float("nan")], [0], "no positive number"),
        (DATA, [-1.0], [0], "no positive number"),
        (DATA, [0.0], [0], "no step"),
        (DATA, [1e30], [0], "no step"),
        (DATA, [0.1], [128], "zero point 128"),
        (_changed(DATA, type="UINT8"), [0.1], [-1], "zero point -1"),
    ],
)
def test_a_tensor_that_kernels_stumble_over_is_named(tensor, scales, zeros, words):
    assert words in tensor_fault(tensor, scales, zeros)


def test_sound_tensors_have_no_fault():
    assert tensor_fault(DATA, [0.1], [-128]) == ""
    assert tensor_fault(_changed(DATA, type="FLOAT32"), [], []) == ""
    # A channel of weights that are all zero.
    assert tensor_fault(WEIGHTS, [0.1, 0.0], [0, 0]) == ""
