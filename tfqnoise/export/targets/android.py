"""Android phones, through LiteRT with XNNPACK."""

import dataclasses

from tfqnoise.export.graph import Graph
from tfqnoise.export.targets import (
    FLOATS,
    INTEGERS,
    PACKED,
    WEIGHTED,
    Check,
    Target,
    placed,
    register,
    whole_problems,
)


@register(reference="LiteRT 2.3 with XNNPACK, found by trying")
@dataclasses.dataclass(frozen=True)
class Android(Target):
    """Android through LiteRT: integers or float; convolutions with packed weights run, but slower than in int8."""

    io = ("int8", "uint8", "float32")
    storage = "int8"

    def check(self, graph: Graph) -> Check:
        types = (*INTEGERS, *FLOATS)
        operators = placed(graph, "android", types, (*types, *PACKED))
        problems = whole_problems(graph, self.io)
        slow = sum(
            any(tensor.type in PACKED for tensor in operator.given)
            for operator in graph.operators
            if operator.name in WEIGHTED and operator.name != "FULLY_CONNECTED"
        )
        notes = (f"{slow} convolutions have packed weights, which save memory, not time",) if slow else ()
        return Check("android", operators, problems, notes)
