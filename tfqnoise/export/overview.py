"""What a model holds, operator by operator, for people and as JSON."""

import dataclasses
import hashlib
import math
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from tfqnoise.export.compiled import already
from tfqnoise.export.graph import Graph, Operator, Tensor, graph, load
from tfqnoise.export.inspect import FLOAT
from tfqnoise.export.subject import Subject
from tfqnoise.export.targets import WEIGHTED

# Options that are numbers in the file and words to people.
_WORDS: dict[str, Any] = {
    "padding": schema.Padding,
    "fusedActivationFunction": schema.ActivationFunctionType,
    "inDataType": schema.TensorType,
    "outDataType": schema.TensorType,
}


@dataclasses.dataclass(frozen=True)
class Overview:
    """What a model holds.

    Attributes:
        name: the file.
        graph: its content.
        outdated: that it isn't the model of its run's weights, in words; "" if it is.
    """

    name: str
    graph: Graph
    outdated: str = ""

    @property
    def float_tensors(self) -> list[str]:
        """Names of the tensors in use that are float."""
        used = [tensor for operator in self.graph.operators for tensor in (*operator.given, *operator.outputs)]
        return list(
            {tensor.index: tensor.name for tensor in (*self.graph.inputs, *used) if tensor.type in FLOAT}.values()
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it as plain values for JSON."""
        inputs, outputs = self.graph.inputs, self.graph.outputs
        return {
            "bytes": len(self.graph.content),
            "sha256": hashlib.sha256(self.graph.content).hexdigest(),
            "subgraphs": self.graph.subgraphs,
            "compiled": already(self.graph),
            "outdated": self.outdated,
            "borders": {
                "input": [tensor.type.lower() for tensor in inputs],
                "output": [tensor.type.lower() for tensor in outputs],
            },
            "inputs": [_border(tensor) for tensor in inputs],
            "outputs": [_border(tensor) for tensor in outputs],
            "float_tensors": self.float_tensors,
            "operators": [_operator(operator) for operator in self.graph.operators],
        }

    def table(self) -> str:
        """Returns a line for each operator, then what goes in and out, floats, bytes and hash."""
        lines = []
        for operator in self.graph.operators:
            shown = _operator(operator)
            options = " ".join(f"{name}={value}" for name, value in shown["options"].items())
            flow = f"{_flow(operator.given)} -> {_flow(operator.outputs)}"
            held = shown["weights"]
            weights = f"weights {held['type']}{held['shape']}" if held else ""
            parts = f"{operator.index:>4} {shown['name']:<24} v{operator.version:<3} {flow}"
            lines.append("  ".join([parts, *filter(None, [weights, options])]))
        for word, tensors in (("input", self.graph.inputs), ("output", self.graph.outputs)):
            for tensor in tensors:
                scale = "" if tensor.scale is None else f", (q - {tensor.zero_point}) x {tensor.scale:.6g}"
                lines.append(f"{word}: {_printable(tensor.name)} {_flow((tensor,))}{scale}")
        floats = self.float_tensors
        named = f" (such as {', '.join(map(_printable, floats[:3]))})" if floats else ""
        lines.append(f"float tensors: {len(floats)}{named}")
        if self.graph.subgraphs > 1:
            lines.append(f"only the first of {self.graph.subgraphs} graphs is shown")
        lines += filter(None, [already(self.graph), self.outdated])
        digest = hashlib.sha256(self.graph.content).hexdigest()
        return "\n".join([*lines, f"{_printable(self.name)}: {len(self.graph.content):,} bytes, sha256 {digest}"])


def overview_of(subject: Path | None) -> Overview:
    """Returns what a .tflite file, or the exported model of a run, holds; of the newest run if None.

    Raises:
        ExportError: for a file that is missing or damaged.
        RunError: if the run has no exported model.
    """
    found = Subject.of(subject)
    path = found.model()
    return Overview(str(path), graph(load(path)), found.outdated)


def _border(tensor: Tensor) -> dict[str, Any]:
    described = {"name": tensor.name, **_tensor(tensor)}
    return {**described, "scale": tensor.scale, "zero_point": tensor.zero_point}


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"type": tensor.type.lower(), "shape": list(tensor.shape), "constant": tensor.constant}


def _operator(operator: Operator) -> dict[str, Any]:
    weights = operator.inputs[1] if operator.name in WEIGHTED and len(operator.inputs) > 1 else None
    return {
        "index": operator.index,
        "name": _printable(operator.name),
        "version": operator.version,
        "inputs": [None if tensor is None else _tensor(tensor) for tensor in operator.inputs],
        "outputs": [_tensor(tensor) for tensor in operator.outputs],
        "weights": None if weights is None else _tensor(weights),
        "options": {name: shown for name, value in operator.options.items() if (shown := _option(name, value))},
    }


def _option(name: str, value: Any) -> Any:
    """Returns an option as it is shown; nothing where it changes nothing."""
    if name in _WORDS:
        words = {number: word for word, number in vars(_WORDS[name]).items() if isinstance(number, int)}
        word = words.get(value, value)
        return None if word == "NONE" else word
    if isinstance(value, (bytes, str)):
        return _printable(value.decode(errors="replace") if isinstance(value, bytes) else value)
    if isinstance(value, list):
        return [each for each in value if isinstance(each, (int, float)) and math.isfinite(each)]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    plain = isinstance(value, (bool, int, float))
    return value if plain and not (value == 1 and name.startswith("dilation")) else None


def _flow(tensors: tuple[Tensor, ...]) -> str:
    # Constants are told by their operator; what flows is what the network computes.
    flowing = [tensor for tensor in tensors if not tensor.constant]
    return ", ".join(f"{tensor.type.lower()}{list(tensor.shape)}" for tensor in flowing) or "-"


def _printable(text: str) -> str:
    """Returns a name without what would move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
