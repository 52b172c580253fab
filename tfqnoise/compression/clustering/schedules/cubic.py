"""A late climb."""

from typing import Any

from tfqnoise.compression.clustering.schedules import register


@register(reference="-")
def cubic(passed: Any) -> Any:
    """t^3: weights learn first, and gather late."""
    return passed**3
