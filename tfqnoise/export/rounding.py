"""Biases of convolutions that LiteRT rounds twice.

XNNPACK leaves a convolution with packed weights to the built-in kernels, which round its output twice: in effect
once, with a bias that is more than a half and at most one unit higher. The trained network has its biases that much
higher than whole units (`tfqnoise.compression.quantization.settle` derives it), and the converter has rounded them
up. Here that unit is taken off again, so that the kernels compute what the network does.

A runtime that rounds such convolutions once computes with biases that are one half to one unit of the accumulator too
low, some hundredths of a step of the output.
"""

import copy
from collections import Counter
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.export.inspect import constant, packed_convolutions, read


def compensated(content: bytes) -> bytes:
    """Returns a model with the biases of its packed convolutions one unit lower where their output is rounded twice.

    Args:
        content: a model with packed weights, not yet compensated; one without stays as it is.

    Raises:
        ExportError: if the bytes are not a TFLite model.
    """
    model = read(content)
    graph = model.subgraphs[0]
    changed = False
    users = Counter(index for op in graph.operators for index in op.inputs)
    owners = Counter(tensor.buffer for tensor in graph.tensors)
    for op in packed_convolutions(model):
        if len(op.inputs) < 3 or op.inputs[2] < 0:
            continue
        source, weights, bias, result = (graph.tensors[index] for index in (*op.inputs, op.outputs[0]))
        _, exponent = np.frexp(_scale(source) * _scale(weights) / _scale(result))
        codes = constant(model, bias) - (exponent < 0)
        if users[op.inputs[2]] > 1 or owners[bias.buffer] > 1:
            # The converter keeps equal biases, such as zeros, once; this operator gets its own.
            bias = copy.copy(bias)
            model.buffers.append(schema.BufferT())
            bias.buffer = len(model.buffers) - 1
            graph.tensors.append(bias)
            op.inputs = [*op.inputs[:2], len(graph.tensors) - 1]
        model.buffers[bias.buffer].data = codes.astype(np.int32).view(np.uint8)
        changed = True
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)) if changed else content


def _scale(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.quantization.scale, np.float64)
