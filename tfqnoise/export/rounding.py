"""How LiteRT's built-in convolutions round, and what makes up for it.

XNNPACK leaves a convolution with packed weights to the built-in kernels. With M = s_in s_w / s_out = m 2^-r,
1/2 <= m < 1, these make of an accumulator a

    q = floor((floor(a m + 1/2) + 2^(r-1)) / 2^r) = floor(a M + 1/2 + 2^-(r+1))    where r > 0,

as a test shows value by value. To round twice is thus to round once with a bias that is o = 1 / (2 m) units of the
accumulator higher, 1/2 < o <= 1. A file with packed convolutions gets biases that are one unit lower: what is left,
o - 1, is less than the half unit by which a bias is rounded anyway. The trained network with its biases moved by
o - 1 units computes the same integers.
"""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.export.inspect import BITS, constant, layer_name, operator_name, read, tensor_type

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def compensated(content: bytes) -> tuple[bytes, dict[str, np.ndarray]]:
    """Returns a model whose packed convolutions give what they would if they rounded once, and what is left.

    Args:
        content: a model with packed weights; one without stays as it is.

    Returns:
        The model, and by layer how much higher its biases are in effect than those of the model given, in real
        units, float64 [channels].

    Raises:
        ExportError: if the bytes are not a TFLite model.
    """
    model = read(content)
    graph = model.subgraphs[0]
    users = [index for op in graph.operators for index in op.inputs]
    moves = {}
    for op in graph.operators:
        if operator_name(model, op) not in _CONVOLUTIONS or tensor_type(graph.tensors[op.inputs[1]]) not in BITS:
            continue
        bias = graph.tensors[op.inputs[2]] if len(op.inputs) > 2 and op.inputs[2] >= 0 else None
        if bias is None or users.count(op.inputs[2]) > 1:
            continue
        source, weights, result = (graph.tensors[index] for index in (op.inputs[0], op.inputs[1], op.outputs[0]))
        unit = _scale(source) * _scale(weights)
        mantissa, exponent = np.frexp(unit / _scale(result))
        twice = exponent < 0
        codes = constant(model, bias) - twice.astype(np.int32)
        if sum(tensor.buffer == bias.buffer for tensor in graph.tensors) > 1:
            # The converter keeps equal biases, such as zeros, once.
            model.buffers.append(schema.BufferT())
            bias.buffer = len(model.buffers) - 1
        model.buffers[bias.buffer].data = codes.astype(np.int32).view(np.uint8)
        moves[layer_name(weights.name.decode())] = np.where(twice, (0.5 / mantissa - 1) * unit, 0.0)
    if not moves:
        return content, {}
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)), moves


def _scale(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.quantization.scale, np.float64)
