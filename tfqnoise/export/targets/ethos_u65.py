"""Arm Ethos-U65, an accelerator beside a microcontroller."""

import dataclasses

from tfqnoise.export.targets import register
from tfqnoise.export.vela import EthosU


@register(reference="Arm Vela (PyPI ethos-u-vela) 5.2")
@dataclasses.dataclass(frozen=True)
class EthosU65(EthosU):
    """Arm Ethos-U65: int8, placed and estimated by Vela (`pip install 'tfqnoise[ethos]'`); by types alone without it.

    Args:
        macs: of the configuration, 8-bit multiply-accumulates a cycle: 256, 512.
    """

    macs: int = 512

    name = "ethos_u65"
    choices = (256, 512)
