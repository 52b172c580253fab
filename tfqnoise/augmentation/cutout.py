"""Cutout: pictures with a square cut out."""

import dataclasses
from typing import Any

from tfqnoise.augmentation import register
from tfqnoise.augmentation.standard import Standard
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.hashing import uniform_graph

# As in standard: what each draw is for.
_ROW, _COLUMN = 204, 205


@register(reference="DeVries & Taylor, 2017 (arXiv 1708.04552), section 3")
@dataclasses.dataclass(frozen=True)
class Cutout:
    """A black square at a random place, which may reach over the border, on what the standard augmentation gives.

    Args:
        magnitude: side of the square as a share of the picture's shorter side.
        size: side of the square in pixels, in place of that share.
        pad: as the standard augmentation has it.
        flip: likewise.
    """

    magnitude: float = 0.5
    size: int | None = None
    pad: int = 4
    flip: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.magnitude <= 1:
            raise UsageError(f"cutout with magnitude = {self.magnitude}", "from 0 to 1", "use 0.5, half the side")
        if self.size is not None and self.size < 0:
            raise UsageError(
                f"cutout with size = {self.size}", "at least 0 pixels", "leave size out for half the side"
            )
        Standard(self.pad, self.flip)

    def __call__(self, images: Any, keys: Any, seed: Any, epoch: Any, strength: Any = 1.0) -> Any:
        height, width = images.shape[1], images.shape[2]
        images = Standard(self.pad, self.flip)(images, keys, seed, epoch)
        side = self.magnitude * min(height, width) if self.size is None else self.size

        def middle(use: int, length: int) -> Any:
            return tf.cast(uniform_graph(keys, seed, epoch, use) * length, tf.int32)

        return cut(images, tf.cast(tf.round(side * strength), tf.int32), middle(_ROW, height), middle(_COLUMN, width))


def cut(images: Any, side: Any, row: Any, column: Any) -> Any:
    """Returns pictures with a black square in each.

    Args:
        images: [N, H, W, C].
        side: int32 [] or [N], in pixels.
        row: int32 [N], the row of the square's middle; of an even number of rows the lower one of the middle two.
        column: int32 [N], likewise.
    """

    def outside(length: int, middle: Any) -> Any:
        first = middle - side // 2
        pixels = tf.range(length)[None, :]
        return (pixels < first[:, None]) | (pixels >= (first + side)[:, None])

    kept = outside(images.shape[1], row)[:, :, None] | outside(images.shape[2], column)[:, None, :]
    return tf.where(kept[..., None], images, tf.zeros_like(images))
