"""Any device that runs LiteRT in integers."""

import dataclasses

from tfqnoise.export.graph import Graph
from tfqnoise.export.targets import (
    INTEGERS,
    PACKED,
    Check,
    Target,
    placed,
    register,
    whole_problems,
)


@register(reference="-")
@dataclasses.dataclass(frozen=True)
class Generic(Target):
    """Any device that runs LiteRT: integers alone, weights packed as narrow as they are."""

    io = ("int8", "uint8")
    storage = "narrowest"

    def check(self, graph: Graph) -> Check:
        operators = placed(graph, "generic", INTEGERS, (*INTEGERS, *PACKED))
        return Check("generic", operators, whole_problems(graph, self.io))
