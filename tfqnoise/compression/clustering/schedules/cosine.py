"""A smooth climb."""

import math
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.compression.clustering.schedules import register


@register(reference="-")
def cosine(passed: Any) -> Any:
    """(1 - cos(pi t)) / 2: climbs from 0, slowly at both ends."""
    return (1 - tf.cos(math.pi * passed)) / 2
