"""Arm Ethos-U55, an accelerator beside a microcontroller."""

import dataclasses

from tfqnoise.errors import UsageError
from tfqnoise.export import vela
from tfqnoise.export.graph import Graph
from tfqnoise.export.targets import Check, Target, register

_MACS = (32, 64, 128, 256)


@register(reference="Arm Vela (PyPI ethos-u-vela) 5.2")
@dataclasses.dataclass(frozen=True)
class EthosU55(Target):
    """Arm Ethos-U55: int8, placed and estimated by Vela (`pip install 'tfqnoise[ethos]'`); by types alone without it.

    Args:
        macs: of the configuration, 8-bit multiply-accumulates a cycle: 32, 64, 128, 256.
    """

    macs: int = 128

    io = ("int8", "uint8")
    storage = "int8"

    def __post_init__(self) -> None:
        if self.macs not in _MACS:
            raise UsageError(f"ethos_u55 with macs = {self.macs}", f"one of {_MACS}", "leave it out for 128")

    @property
    def accelerator(self) -> str:
        """The configuration in Vela's words."""
        return f"ethos-u55-{self.macs}"

    def check(self, graph: Graph) -> Check:
        return vela.check(graph, "ethos_u55", self.accelerator)
