"""The Coral Edge TPU, as its compiler (16.0.384591198) treats a model."""

import dataclasses

from tfqnoise.export.edgetpu_operators import NEWEST, PARAMETRISED, RECURRENT, limit
from tfqnoise.export.edgetpu_words import CONSTANT, LIMITATION, MAPPED, RANK, SUBGRAPHS, TYPE, UNSUPPORTED, VERSION
from tfqnoise.export.graph import COMPILED, EDGE_TPU, Graph, Operator, Tensor
from tfqnoise.export.targets import (
    WEIGHTED,
    Check,
    Placement,
    Target,
    placed_already,
    register,
    unsuited,
    whole_problems,
)

_CONVERTS = ("CAST", "QUANTIZE")


@register(
    reference="Coral, TensorFlow models on the Edge TPU (supported operations); status words of the compiler's logs; "
    "versions and limits as found in compiled models"
)
@dataclasses.dataclass(frozen=True)
class Edgetpu(Target):
    """Coral Edge TPU: int8 or uint8, constant shapes, at most three inner dimensions, one cut.

    The compiler cuts a model once: no operator that depends on one left to the CPU is mapped, except where it only
    converts the very input.

    Args:
        memory: bytes for parameters on the chip.
    """

    memory: int = 8 * 2**20

    io = ("int8", "uint8")
    storage = "int8"

    def check(self, graph: Graph) -> Check:
        problems = whole_problems(graph, self.io)
        already = placed_already(graph, "edgetpu", EDGE_TPU)
        if already:
            return Check("edgetpu", already, problems)
        placements = _placements(graph)
        return Check("edgetpu", placements, problems, self._notes(graph, placements))

    def _notes(self, graph: Graph, placements: tuple[Placement, ...]) -> tuple[str, ...]:
        parameters: dict[int, int] = {}
        for operator, found in zip(graph.operators, placements, strict=True):
            if found.placement == "edgetpu":
                parameters.update(_parameters(operator))
        stored = sum(parameters.values())
        fits = "fit" if stored <= self.memory else f"don't fit: {stored - self.memory:,} are fetched for each picture"
        notes = [f"parameters, padded: about {stored:,} bytes; they {fits} in the {self.memory:,} on the chip"]
        converting = _converting(graph)
        first = next(
            (found for found in placements if found.placement == "cpu" and found.index not in converting), None
        )
        if first is not None:
            notes.append(f"cut before operator {first.index} ({first.name})")
        return tuple(notes)


def _placements(graph: Graph) -> tuple[Placement, ...]:
    """Returns where each operator runs; an operator whose input comes from the CPU stays there itself."""
    on_cpu: set[int] = set()
    at_input = {tensor.index for tensor in graph.inputs}
    placements = []
    for operator in graph.operators:
        reason, remedy = _verdict(operator) if graph.subgraphs == 1 else (SUBGRAPHS, "export a single function")
        if not reason and any(tensor.index in on_cpu for tensor in operator.given):
            reason, remedy = LIMITATION, "it depends on an operator that stays on the CPU: mend that one"
        if reason:
            made = {tensor.index for tensor in operator.outputs}
            converts = operator.name in _CONVERTS and _of_input(operator, at_input)
            (at_input if converts else on_cpu).update(made)
        place = "cpu" if reason else "edgetpu"
        placements.append(Placement(operator.index, operator.name, place, reason or MAPPED, remedy))
    return tuple(placements)


def _of_input(operator: Operator, at_input: set[int]) -> bool:
    return all(tensor.constant or tensor.index in at_input for tensor in operator.given)


def _converting(graph: Graph) -> set[int]:
    """Returns the operators that only convert the very input."""
    at_input = {tensor.index for tensor in graph.inputs}
    found = set()
    for operator in graph.operators:
        if operator.name in _CONVERTS and _of_input(operator, at_input):
            at_input.update(tensor.index for tensor in operator.outputs)
            found.add(operator.index)
    return found


def _verdict(operator: Operator) -> tuple[str, str]:
    """Returns why an operator can't be mapped whatever stands around it, and what to do; ("", "") if it can."""
    if operator.name in COMPILED:
        return UNSUPPORTED, f"it is compiled for {COMPILED[operator.name]} already; take the model from before that"
    newest = NEWEST.get(operator.name)
    if newest is None:
        return UNSUPPORTED, "use a layer whose operator the Edge TPU has (see Coral's table of operations)"
    if operator.version > newest:
        return VERSION, _version_remedy(operator, newest)
    activations = ("INT8", "UINT8", "INT16") if operator.name in RECURRENT else ("INT8", "UINT8")
    wrong = unsuited(operator, activations, ("INT8", "UINT8"))
    if wrong:
        return TYPE, _type_remedy(wrong)
    if any(tensor.dynamic for tensor in (*operator.given, *operator.outputs)):
        return CONSTANT, "convert with a fixed batch of 1"
    if operator.name in PARAMETRISED and any(not tensor.constant for tensor in operator.given[1:]):
        return CONSTANT, "make what is learnt or set for the layer a constant"
    moving = [tensor for tensor in (*operator.given, *operator.outputs) if not tensor.constant]
    if any(size != 1 for tensor in moving for size in tensor.shape[:-3]):
        return RANK, "reshape so that only the last three sizes exceed 1; use a batch of 1"
    limited = limit(operator)
    return (LIMITATION, limited) if limited else ("", "")


def _version_remedy(operator: Operator, newest: int) -> str:
    if any(tensor.type in ("INT4", "INT2") for tensor in operator.given):
        return "export with --storage int8"
    if operator.name == "FULLY_CONNECTED":
        return f"quantise its weights per tensor, which is version {newest} (converters do so per channel by default)"
    return (
        f"convert with an older TensorFlow (2.8), or avoid what made it version {operator.version} (known: {newest})"
    )


def _type_remedy(kind: str) -> str:
    if kind in ("INT4", "INT2"):
        return "export with --storage int8"
    return f"train with --bits 8, so that nothing is {kind.lower()}"


def _parameters(operator: Operator) -> dict[int, int]:
    """Returns the bytes that an operator's constants take on the chip: weights take 8 more for each output."""

    def padded(place: int, tensor: Tensor) -> int:
        if operator.name not in WEIGHTED:
            return tensor.bytes
        return tensor.bytes + 8 * next(iter(operator.outputs[0].shape[-1:]), 1) if place == 1 else 0

    constants = (
        (place, tensor) for place, tensor in enumerate(operator.inputs) if tensor is not None and tensor.constant
    )
    return {tensor.index: padded(place, tensor) for place, tensor in constants}
