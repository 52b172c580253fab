"""What LiteRT's kernels take for granted of an operator, where they would crash without it (found by mutating)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfqnoise.export.graph import Operator, Tensor

# Kernels count a tensor's elements in 32 bits.
_MOST_ELEMENTS = 2**31 - 1
# Scales beyond these make multipliers that can't be shifted.
_SMALLEST_SCALE, _LARGEST_SCALE = 2.0**-64, 2.0**64
_LIMITS = {"INT4": (-8, 7), "INT8": (-128, 127), "UINT8": (0, 255), "INT16": (-(2**15), 2**15 - 1)}
_QUANTISED = ("INT8", "UINT8", "INT16")
# The places of biases, and of what is computed with.
_BIAS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
_DATA = {"TRANSPOSE_CONV": 2}
_LOOSE = ("LSTM", "RNN", "SVDF", "CUSTOM", "STABLEHLO", "IF", "WHILE", "CALL")
# More than any kernel takes.
_MOST_SIZES = 32
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
# How many inputs these have at least; what any target knows has one, and an output.
_PAIRS = (
    "ADD",
    "SUB",
    "MUL",
    "MAXIMUM",
    "MINIMUM",
    "SQUARED_DIFFERENCE",
    "PRELU",
    "PAD",
    "PADV2",
    "MEAN",
    "SUM",
    "SPLIT",
)
_LEAST = {
    **dict.fromkeys(_PAIRS, 2),
    **dict.fromkeys(("REDUCE_MAX", "REDUCE_MIN", "TRANSPOSE", "TILE", "EXPAND_DIMS"), 2),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), 2),
    **dict.fromkeys(("SLICE", "SPLIT_V"), 3),
    **dict.fromkeys((*_POOLS, "CONCATENATION", "RESHAPE", "SQUEEZE", "QUANTIZE", "DEQUANTIZE", "CAST", "PACK"), 1),
    **dict.fromkeys(("SOFTMAX", "LOGISTIC", "TANH", "RELU", "RELU6", "RELU_N1_TO_1", "RSQRT", "UNPACK"), 1),
    **dict.fromkeys(("L2_NORMALIZATION", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "STRIDED_SLICE"), 1),
    **dict.fromkeys(("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"), 1),
}
# What comes out of these is float where what goes in is.
_KEEPING = (
    *_BIAS,
    *_POOLS,
    *("ADD", "MUL", "SUB", "MEAN", "CONCATENATION", "PAD", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE"),
    *("LOGISTIC", "RELU", "RELU6", "SOFTMAX", "TANH", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
)
_STEPS = {
    **dict.fromkeys(_POOLS, ("strideW", "strideH", "filterWidth", "filterHeight")),
    "CONV_2D": ("strideW", "strideH", "dilationWFactor", "dilationHFactor"),
    "DEPTHWISE_CONV_2D": ("strideW", "strideH", "dilationWFactor", "dilationHFactor"),
    "TRANSPOSE_CONV": ("strideW", "strideH"),
}


def tensor_fault(tensor: Tensor, scales: list[float], zeros: list[int]) -> str:
    """Returns what is wrong with a tensor, in words, or "".

    Args:
        tensor: any.
        scales: one for all, or one for each place along an axis; none for float.
        zeros: the zero points that belong to them.
    """
    if len(tensor.shape) > _MOST_SIZES or min(tensor.shape, default=0) < 0 or tensor.elements > _MOST_ELEMENTS:
        return f"has the shape {_shown(tensor.shape)}"
    if scales and zeros and len(scales) != len(zeros):
        return f"has {len(scales)} scales and {len(zeros)} zero points"
    if any(not math.isfinite(scale) or scale < 0 for scale in scales):
        return "has a scale that is no positive number"
    # Weights of zeros alone may have a scale of 0.
    quantised = tensor.type in _LIMITS and not tensor.constant
    if quantised and any(not _SMALLEST_SCALE <= scale <= _LARGEST_SCALE for scale in scales):
        return "has a scale that is no step of a quantised network"
    low, high = _LIMITS.get(tensor.type, (-(2**31), 2**31 - 1))
    wrong = next((zero for zero in zeros if not low <= zero <= high), None)
    return "" if wrong is None else f"of type {tensor.type} has the zero point {wrong}"


def fault(operator: Operator) -> str:
    """Returns what is wrong with an operator's inputs, outputs and options, in words, or ""."""
    return _left_out(operator) or _numbers(operator) or (_weights(operator) if operator.name in _BIAS else "")


def _left_out(operator: Operator) -> str:
    inputs, outputs = len(operator.inputs), len(operator.outputs)
    if inputs < _LEAST.get(operator.name, 0) or (operator.name in _LEAST and not outputs):
        return f"has {inputs} inputs and {outputs} outputs"
    # Gates of recurrent layers may lack weights; elsewhere only a bias may be left out.
    if any(word in operator.name for word in _LOOSE):
        return ""
    missing = next((place for place, tensor in enumerate(operator.inputs[:2]) if tensor is None), None)
    return "" if missing is None else f"lacks its input {missing}"


def _numbers(operator: Operator) -> str:
    name, options = operator.name, operator.options
    data = next(iter(operator.inputs[_DATA.get(name, 0) :]), None)
    made = next(iter(operator.outputs), None)
    if name in _KEEPING and data and made and ("FLOAT" in data.type) != ("FLOAT" in made.type):
        return f"makes {made.type} of {data.type}"
    for option in _STEPS.get(name, ()):
        if not 0 < options.get(option, 0) <= 2**16:
            return f"has {option} {options.get(option, 'missing')}"
    parts = {"SPLIT": "numSplits", "SPLIT_V": "numSplits", "UNPACK": "num"}.get(name)
    if parts and options.get(parts) != len(operator.outputs):
        return f"has {parts} {options.get(parts, 'missing')} and {len(operator.outputs)} outputs"
    if name == "PACK" and options.get("valuesCount") != len(operator.inputs):
        return f"has valuesCount {options.get('valuesCount', 'missing')} and {len(operator.inputs)} inputs"
    return ""


def _weights(operator: Operator) -> str:
    inputs, place = operator.inputs, _BIAS[operator.name]
    if len(inputs) < place or not operator.outputs:
        return f"has {len(inputs)} inputs and {len(operator.outputs)} outputs"
    data, weights, output = inputs[_DATA.get(operator.name, 0)], inputs[1], operator.outputs[0]
    if data is None or weights is None:
        return "lacks an input"
    for tensor in (data, weights, output):
        if tensor.type in _QUANTISED and not tensor.scales:
            return f"computes with tensor {tensor.index}, which lacks its scale"
    # A tensor whose rank is found when the model runs has no sizes in the file.
    ranks = (2, None) if operator.name == "FULLY_CONNECTED" else (4, 4)
    if (
        len(weights.shape) != ranks[0]
        or 0 in weights.shape
        or (data.shape and ranks[1] not in (None, len(data.shape)))
    ):
        return f"has weights of the shape {_shown(weights.shape)} for {_shown(data.shape)}"
    bias = inputs[place] if place < len(inputs) else None
    return "" if bias is None else _bias(operator, bias, weights.shape)


def _bias(operator: Operator, bias: Tensor, weights: tuple[int, ...]) -> str:
    if bias.type in (*_QUANTISED, "INT4", "BOOL", "STRING"):
        return f"has a bias of type {bias.type}"
    channels = weights[-1] if operator.name == "DEPTHWISE_CONV_2D" else weights[0]
    return "" if bias.elements in (channels, 0) else f"has a bias of {bias.elements} values for {channels} channels"


def _shown(shape: tuple[int, ...]) -> str:
    return str(list(shape)) if len(shape) <= _MOST_SIZES else f"of {len(shape)} sizes"
