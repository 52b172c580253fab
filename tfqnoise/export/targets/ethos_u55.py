"""Arm Ethos-U55, an accelerator beside a microcontroller."""

import dataclasses

from tfqnoise.export.targets import register
from tfqnoise.export.vela import EthosU


@register(reference="Arm Vela (PyPI ethos-u-vela) 5.2")
@dataclasses.dataclass(frozen=True)
class EthosU55(EthosU):
    """Arm Ethos-U55: int8, placed and estimated by Vela (`pip install 'tfqnoise[ethos]'`); by types alone without it.

    Args:
        macs: of the configuration, 8-bit multiply-accumulates a cycle: 32, 64, 128, 256.
    """

    macs: int = 128

    name = "ethos_u55"
    choices = (32, 64, 128, 256)
