"""Browsers, through LiteRT.js on WebAssembly."""

import dataclasses

from tfqnoise.export.graph import Graph
from tfqnoise.export.targets import (
    FLOATS,
    INTEGERS,
    Check,
    Target,
    placed,
    register,
    whole_problems,
)


@register(reference="LiteRT.js 2.5 (npm @litertjs/core), found by trying")
@dataclasses.dataclass(frozen=True)
class Browser(Target):
    """A browser through LiteRT.js: int8 inside, uint8 or float borders, since int8 ones are refused."""

    io = ("uint8", "float32")
    storage = "int8"

    def check(self, graph: Graph) -> Check:
        types = (*INTEGERS, *FLOATS)
        problems = whole_problems(graph, self.io)
        return Check("browser", placed(graph, "browser", types, types), problems)
