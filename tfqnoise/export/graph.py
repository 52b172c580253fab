"""A TFLite file as plain operators and tensors, verified before anything relies on it."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise.errors import ExportError
from tfqnoise.export.flatbuffer import marked
from tfqnoise.export.inspect import BITS, operator_name, read, tensor_type
from tfqnoise.export.operands import fault, tensor_fault

# The operators that compilers of accelerators leave in a model, and what they compile for.
ETHOS_U, EDGE_TPU = "CUSTOM:ethos-u", "CUSTOM:edgetpu-custom-op"
COMPILED = {ETHOS_U: "Ethos-U", EDGE_TPU: "the Edge TPU"}

# A flatbuffer's offsets are signed 32-bit numbers.
_MOST_BYTES = 2**31 - 1
_MARKED_BYTES = 8
# Axes, paddings and sizes are that small.
_FEW_BYTES = 256
_WIDTHS = {
    "FLOAT32": 32,
    "INT32": 32,
    "UINT32": 32,
    "FLOAT64": 64,
    "INT64": 64,
    "UINT64": 64,
    "COMPLEX64": 64,
    "FLOAT16": 16,
    "BFLOAT16": 16,
    "INT16": 16,
    "UINT16": 16,
    "INT8": 8,
    "UINT8": 8,
    "BOOL": 8,
    "COMPLEX128": 128,
    **BITS,
}


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor.

    Attributes:
        index: its number in the graph.
        name: as the converter wrote it.
        type: such as "INT8".
        shape: sizes; an unfixed batch counts as 1.
        dynamic: whether a size other than the batch isn't known before the model runs.
        constant: whether the file holds its values.
        scales: how many scales it has: 0 for none, 1 per tensor, more per channel.
        values: those of a constant of integers such as axes or sizes, where there are few; else None.
        scale: the first of its scales, or None.
        zero_point: that belongs to it, or None.
        variable: whether it keeps what it holds from one picture to the next.
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    dynamic: bool
    constant: bool
    scales: int
    values: tuple[int, ...] | None = None
    scale: float | None = None
    zero_point: int | None = None
    variable: bool = False

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return -(-self.elements * _WIDTHS.get(self.type, 0) // 8)


@dataclasses.dataclass(frozen=True)
class Operator:
    """An operator.

    Attributes:
        index: its number in the graph, in the order of execution.
        name: such as "CONV_2D"; "CUSTOM:<code>" for one that isn't LiteRT's own.
        version: of the operator, which grows as LiteRT adds types and options to it.
        inputs: its inputs; None where an optional one is left out.
        outputs: its outputs.
        options: what is set for it, such as {"strideW": 1}.
    """

    index: int
    name: str
    version: int
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: dict[str, Any]

    @property
    def given(self) -> tuple[Tensor, ...]:
        """Its inputs that aren't left out."""
        return tuple(tensor for tensor in self.inputs if tensor is not None)


@dataclasses.dataclass(frozen=True)
class Graph:
    """The first subgraph of a model.

    Attributes:
        operators: in the order of execution.
        inputs: what the user puts in.
        outputs: what comes out.
        subgraphs: how many the model has.
        content: the file itself, for compilers that read it.
    """

    operators: tuple[Operator, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    subgraphs: int
    content: bytes = dataclasses.field(default=b"", repr=False)


def load(path: Path) -> bytes:
    """Returns the content of a file that may be a TFLite model.

    Raises:
        ExportError: if it can't be one by its kind or size.
    """
    expected = "a .tflite file"
    try:
        found = path.stat()
        if not path.is_file():
            raise ExportError(f"{path} is no file", expected, "name a .tflite file, such as RUN/export/model.tflite")
        if found.st_size > _MOST_BYTES:
            raise ExportError(
                f"{path} has {found.st_size:,} bytes", f"{expected}, of at most {_MOST_BYTES:,}", "check the path"
            )
        with path.open("rb") as file:
            # What isn't a model is known by its first bytes, however large it is.
            if not marked(file.read(_MARKED_BYTES)):
                raise ExportError(
                    f"{path}: {found.st_size:,} bytes that are no TFLite model: they lack the mark TFL3",
                    expected,
                    "export it again",
                )
            file.seek(0)
            return file.read(found.st_size)
    except FileNotFoundError:
        raise ExportError(f"{path} doesn't exist", expected, "check the path") from None
    except (OSError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "too little memory"
        raise ExportError(
            f"{path} can't be read: {reason}", expected, "check the path and its permissions"
        ) from error


def graph(content: bytes) -> Graph:
    """Returns a model as plain objects.

    Raises:
        ExportError: if the bytes are not a TFLite model, or one that contradicts itself: indices that lead nowhere,
            constants shorter than their shape, operators that use what is computed after them.
    """
    model = read(content)
    try:
        return _graph(model, content)
    except ExportError:
        raise
    except Exception as error:  # What a damaged file lacks is missing wherever it is used first.
        raise _broken(f"a part is missing ({type(error).__name__}: {error})") from error


def _broken(what: str) -> ExportError:
    return ExportError(f"a damaged TFLite model: {what}", "a .tflite file as a converter wrote it", "export it again")


def _graph(model: Any, content: bytes) -> Graph:
    if not model.subgraphs:
        raise _broken("it has no graph")
    part = model.subgraphs[0]
    tensors = [_tensor(model, index, tensor) for index, tensor in enumerate(_listed(part.tensors))]

    def at(index: int) -> Tensor:
        if not 0 <= index < len(tensors):
            raise _broken(f"tensor {index} of {len(tensors)}")
        return tensors[index]

    inputs, outputs = (tuple(at(int(index)) for index in _listed(indices)) for indices in (part.inputs, part.outputs))
    operators = []
    for index, found in enumerate(_listed(part.operators)):
        operators.append(_operator(model, index, found, at))
    _check_order(operators, inputs)
    return Graph(tuple(operators), inputs, outputs, len(model.subgraphs), content)


def _operator(model: Any, index: int, found: Any, at: Callable[[int], Tensor]) -> Operator:
    codes = _listed(model.operatorCodes)
    if not 0 <= found.opcodeIndex < len(codes):
        raise _broken(f"operator {index} is of kind {found.opcodeIndex} of {len(codes)}")
    code, name = codes[found.opcodeIndex], operator_name(model, found)
    if name == "None":
        raise _broken(f"operator {index} has the code {code.builtinCode}, which is unknown")
    for place in _listed(found.intermediates):
        at(int(place))
    custom = bytes(code.customCode or b"").decode(errors="replace")
    operator = Operator(
        index,
        f"CUSTOM:{custom}" if name == "CUSTOM" else name,
        int(code.version),
        tuple(None if place == -1 else at(int(place)) for place in _listed(found.inputs)),
        tuple(at(int(place)) for place in _listed(found.outputs)),
        dict(vars(found.builtinOptions)) if found.builtinOptions is not None else {},
    )
    wrong = fault(operator)
    if wrong:
        raise _broken(f"operator {index} ({operator.name}) {wrong}")
    return operator


def _tensor(model: Any, index: int, found: Any) -> Tensor:
    shape = tuple(int(size) for size in _listed(found.shape))
    buffer = model.buffers[found.buffer]
    stored = len(_listed(buffer.data)) or int(buffer.size or 0)
    given = found.quantization
    scales = [] if given is None else [float(scale) for scale in _listed(given.scale)]
    zeros = [] if given is None else [int(zero) for zero in _listed(given.zeroPoint)]
    tensor = Tensor(
        index,
        bytes(found.name or b"").decode(errors="replace"),
        tensor_type(found),
        shape,
        any(size < 0 for size in _listed(found.shapeSignature)[1:]),
        stored > 0,
        len(scales),
        _values(found, buffer, stored),
        scales[0] if scales else None,
        zeros[0] if zeros else None,
        bool(found.isVariable),
    )
    wrong = tensor_fault(tensor, scales, zeros) or _axis_fault(given, shape, len(scales))
    if wrong:
        raise _broken(f"tensor {index} {wrong}")
    sparse = found.sparsity is not None or tensor.type in ("STRING", "RESOURCE", "VARIANT")
    if stored and not sparse and tensor.bytes > stored:
        raise _broken(f"tensor {index} needs {tensor.bytes} bytes and has {stored}")
    return tensor


def _axis_fault(given: Any, shape: tuple[int, ...], scales: int) -> str:
    axis = 0 if given is None else int(given.quantizedDimension)
    fits = scales <= 1 or (0 <= axis < len(shape) and shape[axis] == scales)
    return "" if fits else f"has {scales} scales along axis {axis} of {len(shape)}"


def _values(found: Any, buffer: Any, stored: int) -> tuple[int, ...] | None:
    kind = {"INT32": np.int32, "INT64": np.int64}.get(tensor_type(found))
    if kind is None or not 0 < stored <= _FEW_BYTES or buffer.data is None:
        return None
    return tuple(int(value) for value in np.frombuffer(bytes(buffer.data), kind))


def _check_order(operators: list[Operator], inputs: tuple[Tensor, ...]) -> None:
    made = {tensor.index: operator.index for operator in operators for tensor in operator.outputs}
    put_in = {tensor.index for tensor in inputs}
    for operator in operators:
        for tensor in operator.given:
            if tensor.index in put_in or tensor.constant or tensor.variable or not tensor.elements:
                continue
            # Of this one a reshape reads nothing but the shape, where its options hold the sizes.
            if operator.name == "RESHAPE" and tensor is operator.inputs[-1]:
                continue
            maker = made.get(tensor.index)
            # Vela adds tensors for the accelerator to work in.
            if maker is None and operator.name == ETHOS_U:
                continue
            if maker is None:
                raise _broken(f"operator {operator.index} uses tensor {tensor.index}, which nothing computes")
            if maker >= operator.index:
                raise _broken(f"operator {operator.index} uses tensor {tensor.index}, which is computed later")


def _listed(values: Any) -> Any:
    return () if values is None else values
