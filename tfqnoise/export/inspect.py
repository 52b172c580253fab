"""What a TFLite file holds, read from the flatbuffer operator by operator."""

import dataclasses
from collections import Counter
from typing import Any

from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.errors import ExportError

_FLOAT = {"FLOAT16", "FLOAT32", "FLOAT64", "BFLOAT16"}


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
        if content[4:8] != b"TFL3":
            raise ValueError("it lacks the mark TFL3")
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
    names = Counter(flatbuffer_utils.opcode_to_name(model, op.opcodeIndex) for op in graph.operators)
    used = {index for op in graph.operators for index in [*op.inputs, *op.outputs] if index >= 0}
    floats = [graph.tensors[i] for i in sorted(used) if _type(graph.tensors[i]) in _FLOAT]
    first, last = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
    return Contents(
        dict(sorted((str(name), count) for name, count in names.items())),
        [tensor.name.decode() for tensor in floats],
        _type(first).lower(),
        _type(last).lower(),
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
    graph.outputs = [index for index in made if _type(graph.tensors[index]) == "INT8"]
    model.signatureDefs = []
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _quantization(tensor: Any) -> list[float]:
    parameters = tensor.quantization
    if parameters is None or parameters.scale is None or not len(parameters.scale):
        return []
    return [float(parameters.scale[0]), int(parameters.zeroPoint[0])]


def _type(tensor: Any) -> str:
    return flatbuffer_utils.type_to_name(tensor.type)
