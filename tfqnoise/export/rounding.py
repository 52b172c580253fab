"""Biases of operators that LiteRT rounds twice.

XNNPACK leaves convolutions with packed weights, and some dense layers (`inspect.built_in`), to the built-in kernels,
which round their output twice: in effect once, with a bias that is more than a half and at most one unit higher. The
network is evaluated with its biases that much higher than whole units (`tfqnoise.compression.quantization.settle`
derives it), and the converter has rounded them up. Here that unit is taken off again, so that the kernels compute
what the network does.

A runtime that rounds such operators once computes with biases that are one half to one unit of the accumulator too
low, some hundredths of a step of the output. So does LiteRT, by less than a half, where a layer has neither a bias
nor a batch norm with an offset that could have been raised.
"""

from typing import Any

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.export.inspect import built_in, constant, owned, read


def compensated(content: bytes) -> bytes:
    """Returns a model with the biases of its packed operators one unit lower where their output is rounded twice.

    Args:
        content: a model with packed weights, not yet compensated; one without stays as it is.

    Raises:
        ExportError: if the bytes are not a TFLite model.
    """
    model = read(content)
    graph = model.subgraphs[0]
    operators = [op for op in built_in(model) if len(op.inputs) > 2 and op.inputs[2] >= 0]
    for op in operators:
        source, weights, result = (graph.tensors[index] for index in (*op.inputs[:2], op.outputs[0]))
        _, exponent = np.frexp(_scale(source) * _scale(weights) / _scale(result))
        bias = owned(model, op, 2)
        codes = constant(model, bias) - (exponent < 0)
        model.buffers[bias.buffer].data = codes.astype(np.int32).view(np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)) if operators else content


def _scale(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.quantization.scale, np.float64)
