"""The whole magnitude all the time."""

from typing import Any

from tfqnoise.augmentation.schedules import register
from tfqnoise.backend import tf


@register(reference="-")
def constant(size: Any) -> Any:
    """1 at any size."""
    return tf.ones_like(size)
