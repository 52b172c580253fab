"""Estimated time, cycles and memory of the exported model on an Arm Ethos-U65."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfqnoise.benchmark import register
from tfqnoise.benchmark.ethos import estimated
from tfqnoise.export.subject import Subject
from tfqnoise.export.targets.ethos_u65 import EthosU65


@register(reference="Arm Vela (PyPI ethos-u-vela) 5.2")
def ethos_u65(
    subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None], macs: int = 512
) -> dict[str, Any]:
    """Arm Ethos-U65, estimated by Vela without a device: milliseconds, cycles by layer, SRAM, flash."""
    return estimated(subject, EthosU65(macs).accelerator, report, repetitions)
