"""Estimated time, cycles and memory of the exported model on an Arm Ethos-U55."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfqnoise.benchmark import register
from tfqnoise.benchmark.ethos import estimated
from tfqnoise.export.subject import Subject
from tfqnoise.export.targets.ethos_u55 import EthosU55


@register(reference="Arm Vela (PyPI ethos-u-vela) 5.2")
def ethos_u55(
    subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None], macs: int = 128
) -> dict[str, Any]:
    """Arm Ethos-U55, estimated by Vela without a device: milliseconds, cycles by layer, SRAM, flash."""
    return estimated(subject, EthosU55(macs).accelerator, report, repetitions)
