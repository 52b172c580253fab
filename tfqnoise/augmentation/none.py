"""No augmentation."""

from typing import Any

from tfqnoise.augmentation import register


@register(reference="-")
def none(images: Any, keys: Any, seed: int, epoch: Any) -> Any:
    """Pictures as they are."""
    return images
