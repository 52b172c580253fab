"""What a TFLite file holds, read from the flatbuffer operator by operator."""

import copy
import dataclasses
from collections import Counter
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.errors import ExportError
from tfqnoise.export.flatbuffer import verify

FLOAT = {"FLOAT16", "FLOAT32", "FLOAT64", "BFLOAT16"}
# Types of which several values share a byte, with their bits.
BITS = {"INT4": 4, "INT2": 2}


@dataclasses.dataclass(frozen=True)
class Contents:
    """The content of a model.

    Attributes:
        operators: how often each operator occurs.
        float_tensors: names of the tensors in use that are float.
        input_dtype: such as "int8".
        output_dtype: the same for the output.
        input_shape: with the batch, such as [1, 32, 32, 3].
        input_quantization: [scale, zero point] of the input, empty for float.
        output_quantization: the same for the output.
    """

    operators: dict[str, int]
    float_tensors: list[str]
    input_dtype: str
    output_dtype: str
    input_shape: list[int]
    input_quantization: list[float] = dataclasses.field(default_factory=list)
    output_quantization: list[float] = dataclasses.field(default_factory=list)


def read(content: bytes) -> Any:
    """Returns the object form of a TFLite model.

    Raises:
        ExportError: if the bytes are not one.
    """
    try:
        verify(content)
        return flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    except Exception as error:  # A damaged flatbuffer fails wherever its offsets lead.
        raise ExportError(
            f"{len(content)} bytes that are no TFLite model: {error}",
            "a .tflite file",
            "export it again",
        ) from error


def inspect(content: bytes) -> Contents:
    """Returns what a model holds.

    Raises:
        ExportError: if the bytes are not a TFLite model.
    """
    model = read(content)
    graph = model.subgraphs[0]
    names = Counter(operator_name(model, op) for op in graph.operators)
    used = {index for op in graph.operators for index in [*op.inputs, *op.outputs] if index >= 0}
    floats = [graph.tensors[i] for i in sorted(used) if tensor_type(graph.tensors[i]) in FLOAT]
    first, last = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    return Contents(
        dict(sorted(names.items())),
        [tensor.name.decode() for tensor in floats],
        tensor_type(first).lower(),
        tensor_type(last).lower(),
        [int(size) for size in first.shape],
        _quantization(first),
        _quantization(last),
    )


def problems(contents: Contents, io: str) -> list[str]:
    """Returns what keeps a model from being fully integer, in words; nothing if it is."""
    # With uint8 borders one QUANTIZE at each end shifts by 128, in integers.
    allowed = {"QUANTIZE": 2} if io == "uint8" else {}
    found = []
    for name in ("QUANTIZE", "DEQUANTIZE"):
        count = contents.operators.get(name, 0)
        if count > allowed.get(name, 0):
            found.append(f"it has {count} {name} operators")
    if contents.float_tensors:
        shown = ", ".join(contents.float_tensors[:3])
        found.append(f"{len(contents.float_tensors)} tensors are float (such as {shown})")
    if (contents.input_dtype, contents.output_dtype) != (io, io):
        found.append(f"its borders are {contents.input_dtype} and {contents.output_dtype}, not {io}")
    if contents.input_shape[0] != 1:
        found.append(f"its batch is {contents.input_shape[0]}, not 1")
    return found


def with_all_outputs(content: bytes) -> bytes:
    """Returns the model with every int8 activation as an output, so that any kernel shows what it computes."""
    model = read(content)
    graph = model.subgraphs[0]
    made = [index for op in graph.operators for index in op.outputs]
    graph.outputs = [index for index in made if tensor_type(graph.tensors[index]) == "INT8"]
    model.signatureDefs = []
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _quantization(tensor: Any) -> list[float]:
    parameters = tensor.quantization
    if parameters is None or parameters.scale is None or not len(parameters.scale):
        return []
    return [float(parameters.scale[0]), int(parameters.zeroPoint[0])]


def tensor_type(tensor: Any) -> str:
    """Returns a tensor's type, such as "INT8"."""
    return str(flatbuffer_utils.type_to_name(tensor.type))


def operator_name(model: Any, operator: Any) -> str:
    """Returns an operator's name, such as "CONV_2D"."""
    return str(flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex))


def built_in(model: Any) -> list[Any]:
    """Returns the operators that run in LiteRT's built-in kernels because of their packed weights.

    XNNPACK leaves to these convolutions with packed weights, and dense layers with INT2 ones or with INT4 ones and an
    odd number of inputs (found by trying, LiteRT 2.3).
    """
    graph = model.subgraphs[0]

    def left(operator: Any) -> bool:
        name = operator_name(model, operator)
        if name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            return False
        weights = graph.tensors[operator.inputs[1]]
        kind = tensor_type(weights)
        if name == "FULLY_CONNECTED":
            return kind == "INT2" or (kind == "INT4" and int(weights.shape[1]) % 2 == 1)
        return kind in BITS

    return [operator for operator in graph.operators if left(operator)]


def owned(model: Any, operator: Any, place: int) -> Any:
    """Returns an operator's constant input, made its own where others share the tensor or its buffer."""
    graph, index = model.subgraphs[0], operator.inputs[place]
    tensor = graph.tensors[index]
    users = sum(list(op.inputs).count(index) for op in graph.operators)
    if users == 1 and sum(other.buffer == tensor.buffer for other in graph.tensors) == 1:
        return tensor
    # The converter keeps equal constants, such as biases of zeros, once.
    own = copy.copy(tensor)
    model.buffers.append(schema.BufferT())
    own.buffer = len(model.buffers) - 1
    model.buffers[own.buffer].data = model.buffers[tensor.buffer].data
    graph.tensors.append(own)
    operator.inputs = [*operator.inputs[:place], len(graph.tensors) - 1, *operator.inputs[place + 1 :]]
    return own


def layer_name(tensor: str) -> str:
    """Returns the layer in a weight's name: the converter joins the names of all that it fused."""
    parts = tensor.split(";")[0].split("/")
    return next((part.removeprefix("quant_") for part in parts if part.startswith("quant_")), parts[-1])


def constant(model: Any, tensor: Any) -> np.ndarray:
    """Returns the values of a constant tensor in its shape: int8 also for packed types, int32, or float32."""
    data = np.frombuffer(bytes(model.buffers[tensor.buffer].data), np.uint8)
    kind = tensor_type(tensor)
    if kind in BITS:
        values = unpacked_codes(data, BITS[kind], int(np.prod(tensor.shape)))
    else:
        values = data.view({"INT8": np.int8, "INT32": np.int32, "FLOAT32": np.float32}[kind])
    return values.reshape(tensor.shape)


def unpacked_codes(data: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Returns the int8 codes of a packed tensor: the first of a byte lies in its lowest bits.

    Args:
        data: uint8.
        bits: 2 or 4.
        count: how many codes there are.
    """
    columns = [(data >> (bits * k)) & (2**bits - 1) for k in range(8 // bits)]
    flat = np.stack(columns, axis=1).ravel()[:count].astype(np.int16)
    return np.where(flat >= 2 ** (bits - 1), flat - 2**bits, flat).astype(np.int8)
