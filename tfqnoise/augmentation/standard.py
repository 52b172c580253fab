"""The standard augmentation of small pictures: shift and mirror."""

import dataclasses
from typing import Any

from tfqnoise.augmentation import register
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.hashing import uniform_graph

# What each draw is for; two uses of one seed must never share a number.
_DOWN, _RIGHT, _MIRROR = 201, 202, 203


@register(reference="He et al., CVPR 2016 (arXiv 1512.03385), section 4.2")
@dataclasses.dataclass(frozen=True)
class Standard:
    """Zero padding by `pad` pixels, a random crop of the original size, and a mirror image half the time.

    Args:
        pad: pixels of padding on each side.
        flip: whether left and right may be exchanged; wrong for digits and letters.
    """

    pad: int = 4
    flip: bool = True

    def __post_init__(self) -> None:
        if self.pad < 0:
            raise UsageError(f"standard with pad = {self.pad}", "at least 0", "leave pad out for the data's own")

    def __call__(self, images: Any, keys: Any, seed: int, epoch: Any) -> Any:
        height, width = images.shape[1], images.shape[2]

        def offset(use: int) -> Any:
            return tf.cast(uniform_graph(keys, seed, epoch, use) * (2 * self.pad + 1), tf.int32)[:, None]

        rows = tf.range(height)[None, :] + offset(_DOWN)
        columns = tf.range(width)[None, :]
        if self.flip:
            mirrored = uniform_graph(keys, seed, epoch, _MIRROR) < 0.5
            columns = tf.where(mirrored[:, None], width - 1 - columns, columns)
        columns = columns + offset(_RIGHT)
        margin = [self.pad, self.pad]
        padded = tf.pad(images, [[0, 0], margin, margin, [0, 0]])
        return tf.gather(tf.gather(padded, rows, batch_dims=1, axis=1), columns, batch_dims=1, axis=2)
