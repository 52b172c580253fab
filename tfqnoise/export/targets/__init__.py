"""Targets: what a device or its compiler accepts, one file each, and how a model is checked against it."""

import dataclasses
from collections import Counter
from collections.abc import Container
from typing import Any, ClassVar

from tfqnoise.export.graph import COMPILED, Graph, Operator
from tfqnoise.registry import Registry

registry = Registry("target", "tfqnoise.export.targets")
register = registry.register

# Operators whose second input is a weight.
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")

INTEGERS = ("INT8", "UINT8")
PACKED = ("INT4", "INT2")
FLOATS = ("FLOAT32", "FLOAT16")
_REMEDIES = {**dict.fromkeys(PACKED, "export with --storage int8"), "UINT8": "export with --io int8"}


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where an operator runs.

    Attributes:
        index: of the operator.
        name: such as "CONV_2D".
        placement: the target's name, or "cpu", or "refused" where nothing on the target executes it.
        reason: in words; the compiler's own where there is one.
        remedy: which option or layer to change; empty where nothing is wrong.
    """

    index: int
    name: str
    placement: str
    reason: str
    remedy: str = ""


@dataclasses.dataclass(frozen=True)
class Check:
    """What a target makes of a model.

    Attributes:
        target: its name.
        operators: where each operator runs.
        problems: what keeps the whole model from the target, in words.
        notes: figures and cautions.
    """

    target: str
    operators: tuple[Placement, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def away(self) -> tuple[Placement, ...]:
        """The operators that don't run where they should."""
        return tuple(found for found in self.operators if found.placement != self.target)

    @property
    def passed(self) -> bool:
        return not self.problems and not self.away

    @property
    def faults(self) -> list[str]:
        """What keeps the model from the target, with remedies."""
        wrong = dict.fromkeys(f"{found.name}: {found.reason} ({found.remedy})" for found in self.away)
        return [*self.problems, *wrong]

    @property
    def line(self) -> str:
        """How many operators run on the target, and what else is to be said."""
        here = len(self.operators) - len(self.away)
        return "; ".join([f"target {self.target}: {here} of {len(self.operators)} operators", *self.notes])

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"passed": self.passed}

    def table(self) -> str:
        """Returns operators counted by placement and reason, then remedies, problems and notes."""
        counts = Counter((found.name, found.placement, found.reason) for found in self.operators)
        lines = [f"{name:<28} {count:>4}  {place:<10} {reason}" for (name, place, reason), count in counts.items()]
        remedies = dict.fromkeys(f"{found.name}: {found.remedy}" for found in self.away if found.remedy)
        lines += [f"what to do: {remedy}" for remedy in remedies]
        lines += [f"problem: {problem}" for problem in self.problems]
        return "\n".join([*lines, self.line])


class Target:
    """A target: frozen settings, what an export for it looks like, and its judgement of any model.

    Attributes:
        io: types of input and output that it takes; the first integer one is exported.
        storage: the storage of weights that is exported, as in `export_tflite.py --storage`.
    """

    io: ClassVar[tuple[str, ...]]
    storage: ClassVar[str]

    def check(self, graph: Graph) -> Check:
        """Returns what the target makes of a model."""
        raise NotImplementedError

    def artefacts(self, graph: Graph, labels: tuple[str, ...], meaning: str) -> dict[str, bytes]:
        """Returns what is written beside an exported model, by file name.

        Args:
            graph: the model.
            labels: names of its outputs.
            meaning: of its input, in words.
        """
        return {}


def get(spec: Any) -> Target:
    """Returns the target that a name, a dict or an object means."""
    target: Target = registry.get(spec)
    return target


def integer_border(target: Target) -> str:
    """Returns the integer type of input and output that a model is exported with for a target."""
    return next(kind for kind in target.io if kind in ("int8", "uint8"))


def border_problems(graph: Graph, io: tuple[str, ...]) -> list[str]:
    """Returns what is wrong with the types of a model's inputs and outputs."""
    borders = {tensor.type.lower() for tensor in (*graph.inputs, *graph.outputs)}
    wrong = sorted(borders - set(io))
    return [f"its borders are {', '.join(wrong)}; export with --io {io[0]}"] if wrong else []


def dynamic_problems(graph: Graph) -> list[str]:
    """Returns what is wrong with shapes that aren't known before the model runs."""
    named = [tensor.name for tensor in graph.inputs if tensor.dynamic]
    return [f"the shape of its input {', '.join(named)} isn't fixed; convert with a batch of 1"] if named else []


def whole_problems(graph: Graph, io: tuple[str, ...]) -> tuple[str, ...]:
    """Returns what keeps a whole model from a target: its borders and shapes."""
    return (*border_problems(graph, io), *dynamic_problems(graph))


def unsuited(operator: Operator, types: tuple[str, ...], weights: tuple[str, ...]) -> str:
    """Returns the first type that a target can't take, or "".

    Args:
        operator: any.
        types: of activations and constants that are computed with; INT32 and INT64 parameters, such as shapes, biases
            and axes, always pass.
        weights: types of weights.
    """
    for place, tensor in enumerate(operator.inputs):
        if tensor is None or (tensor.constant and tensor.type in ("INT32", "INT64")):
            continue
        weight = place == 1 and operator.name in WEIGHTED
        if tensor.type not in (weights if weight else types):
            return tensor.type
    return next((tensor.type for tensor in operator.outputs if tensor.type not in types), "")


def placed_already(graph: Graph, target: str, operator: str) -> tuple[Placement, ...]:
    """Returns where each operator of a model runs that a target's own compiler has been over; nothing for others.

    Args:
        graph: the model.
        target: its name.
        operator: what the compiler puts in place of those that it takes.
    """
    if not any(each.name == operator for each in graph.operators):
        return ()
    remedy = "check the model as it was before it was compiled, which says why"
    return tuple(
        Placement(each.index, each.name, target, "compiled already")
        if each.name == operator
        else Placement(each.index, each.name, "cpu", "left by the compiler", remedy)
        for each in graph.operators
    )


def placed(
    graph: Graph,
    target: str,
    types: tuple[str, ...],
    weights: tuple[str, ...],
    operators: Container[str] | None = None,
) -> tuple[Placement, ...]:
    """Returns where each operator runs on a target that takes an operator whatever stands around it.

    Args:
        graph: the model.
        target: its name.
        types: see `unsuited`.
        weights: see `unsuited`.
        operators: the names of those that it has; all if None, except custom ones.
    """

    def verdict(operator: Operator) -> Placement:
        name = operator.name
        if name in COMPILED:
            reason, remedy = f"compiled for {COMPILED[name]} already", "take the model as it was before that"
            return Placement(operator.index, name, "refused", reason, remedy)
        if name.startswith("CUSTOM") if operators is None else name not in operators:
            remedy = "use a layer whose operator the target has"
            return Placement(operator.index, name, "refused", f"{target} has no such operator", remedy)
        wrong = unsuited(operator, types, weights)
        if wrong:
            remedy = _REMEDIES.get(wrong, "train with --bits 8 and without --allow-float")
            return Placement(operator.index, name, "refused", f"{target} computes nothing in {wrong.lower()}", remedy)
        return Placement(operator.index, name, target, "supported")

    return tuple(verdict(operator) for operator in graph.operators)
