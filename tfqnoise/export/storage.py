"""Packing weights into the bits that they use.

A model is converted with int8 weights, whatever it was trained with: a kernel of b bits holds few of int8's levels
(`tfqnoise.compression.quantization.integers`). Here its tensor becomes INT4 or INT2, which changes no value: the
interpreter unpacks the same integers.

What LiteRT 2.3 executes with int8 activations, tried operator by operator: INT4 in CONV_2D, DEPTHWISE_CONV_2D and
FULLY_CONNECTED; INT2 in FULLY_CONNECTED alone (a convolution refuses it: "filter->type == kTfLiteInt8 ||
filter->type == kTfLiteInt4 was not true"). There is no 3-bit type. Where the type is narrower than int8, a
convolution isn't delegated to XNNPACK and runs slower, nor is an INT2 dense layer; an
INT4 one is, if the number of its inputs is even, and runs faster.
"""

import itertools

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.export.inspect import BITS, constant, operator_name, owned, read, tensor_type

# (operator, bits) -> the operator's version that reads such weights.
_VERSIONS = {
    ("CONV_2D", 4): 7,
    ("DEPTHWISE_CONV_2D", 4): 7,
    ("FULLY_CONNECTED", 4): 10,
    ("FULLY_CONNECTED", 2): 14,
}
_TYPES = {4: schema.TensorType.INT4, 2: schema.TensorType.INT2}
_NARROWEST = {"narrowest": 2, "int4": 4, "int8": 8}


def pack(content: bytes, storage: str = "narrowest") -> bytes:
    """Returns the model with each kernel in the narrowest type that holds it and that its operator executes.

    Args:
        content: a model with int8 weights.
        storage: "narrowest" (INT2 or INT4 where it fits), "int4" (INT4 where it fits) or "int8".

    Raises:
        ExportError: if the bytes are not a TFLite model.
    """
    model = read(content)
    graph = model.subgraphs[0]
    packed = False
    for op in graph.operators:
        name = operator_name(model, op)
        if (name, 4) not in _VERSIONS or tensor_type(graph.tensors[op.inputs[1]]) != "INT8":
            continue
        tensor = graph.tensors[op.inputs[1]]
        codes = constant(model, tensor)
        bits = _bits(name, codes, _NARROWEST[storage])
        if bits == 8:
            continue
        packed = True
        tensor = owned(model, op, 1)
        model.buffers[tensor.buffer].data = packed_codes(codes, bits)
        tensor.type = _TYPES[bits]
        code = model.operatorCodes[op.opcodeIndex]
        code.version = max(code.version, _VERSIONS[name, bits])
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model)) if packed else content


def unpacked(content: bytes) -> bytes:
    """Returns a model with its packed weights as int8, to time it beside; one without stays as it is."""
    model = read(content)
    packed = [tensor for tensor in model.subgraphs[0].tensors if tensor_type(tensor) in BITS]
    if not packed:
        return content
    for tensor in packed:
        codes = constant(model, tensor)
        tensor.type = schema.TensorType.INT8
        model.buffers[tensor.buffer].data = codes.view(np.uint8).ravel()
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def same_weights(one: bytes, other: bytes) -> bool:
    """Says whether two models hold the same kernels, in whatever types."""

    def kernels(content: bytes) -> list[np.ndarray]:
        model = read(content)
        graph = model.subgraphs[0]
        operators = [op for op in graph.operators if (operator_name(model, op), 4) in _VERSIONS]
        return [constant(model, graph.tensors[op.inputs[1]]) for op in operators]

    pairs = itertools.zip_longest(kernels(one), kernels(other))
    return all(a is not None and b is not None and np.array_equal(a, b) for a, b in pairs)


def _bits(operator: str, codes: np.ndarray, narrowest: int) -> int:
    top = int(np.abs(codes.astype(np.int16)).max(initial=0))
    fitting = (b for b in (2, 4) if b >= narrowest and top < 2 ** (b - 1) and (operator, b) in _VERSIONS)
    return next(fitting, 8)


def packed_codes(codes: np.ndarray, bits: int) -> np.ndarray:
    """Returns codes as LiteRT packs them: row-major, the first of a byte in its lowest bits, the last byte filled up.

    Args:
        codes: int8, each from -2^(bits-1) to 2^(bits-1) - 1.
        bits: 2 or 4.
    """
    per_byte = 8 // bits
    flat = codes.ravel()
    flat = np.concatenate([flat, np.zeros(-flat.size % per_byte, np.int8)]).view(np.uint8) & (2**bits - 1)
    columns = flat.reshape(-1, per_byte)
    return np.bitwise_or.reduce([columns[:, k] << (bits * k) for k in range(per_byte)]).astype(np.uint8)
