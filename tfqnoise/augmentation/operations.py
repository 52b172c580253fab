"""The operations of RandAugment, as keras-cv has them, with factors that are handed to them.

An operation takes pictures [N, H, W, C] as float32 in [0, 255] and the factors of each, and returns pictures of the
same kind. What becomes of a picture depends on nothing beside it and its factors.

keras-cv computes what it computes from given factors, picture by picture. Three of its layers it is not asked for,
which are the same formulas here: RandomColorDegeneration wants the process's own random generator, which a
deterministic run refuses, and mixes colours by a matrix product, whose last bit depends on the place in the batch;
Equalization counts its histograms in a loop over channels and pictures; Solarization turns white into black at
magnitude 0.
"""

import contextlib
import functools
import io
from collections.abc import Callable
from typing import Any, NamedTuple

from tfqnoise.augmentation.cutout import cut
from tfqnoise.backend import quiet, tf


class Factors(NamedTuple):
    """What was drawn for each picture, float32 [N] each.

    Attributes:
        amount: how strongly it is changed, from 0 to 1.
        signed: the same for what goes in two directions, from -1 to 1.
        row: the number of one of its rows.
        column: the number of one of its columns.
    """

    amount: Any
    signed: Any
    row: Any
    column: Any


Operation = Callable[[Any, Factors], Any]

# What solarization spares at magnitude 0: everything. keras-cv starts at 255, which turns white into black.
_WHITE = 256.0
# The most that solarization adds; more would leave next to nothing of a picture.
_ADDED = 110.0
_GREY = (0.2989, 0.587, 0.114)


@functools.cache
def _layers() -> dict[str, Any]:
    """Returns keras-cv's layers. Loading it takes seconds, so it waits until a policy needs it."""
    with quiet(), contextlib.redirect_stdout(io.StringIO()), tf.init_scope():
        import keras_cv

        # They make a random generator, which is never drawn from; a seed keeps it their own.
        every: dict[str, Any] = {"seed": 1, "dtype": "float32"}
        layers = keras_cv.layers
        return {
            "auto_contrast": layers.AutoContrast(value_range=(0, 255), **every),
            "contrast": layers.RandomContrast(value_range=(0, 255), factor=0.5, **every),
            "brightness": layers.RandomBrightness(value_range=(0, 255), factor=0.5, **every),
            "shear": layers.RandomShear(x_factor=0.5, y_factor=0.5, **every),
            "translation": layers.RandomTranslation(width_factor=0.5, height_factor=0.5, **every),
        }


def auto_contrast(images: Any, factors: Factors) -> Any:
    """Stretches each channel over all values. It has no magnitude."""
    return _layers()["auto_contrast"].augment_images(images)


def equalization(images: Any, factors: Factors) -> Any:
    """Makes each channel's histogram flat. It has no magnitude, and does nothing with fewer than 256 pixels."""
    count, channels = tf.shape(images)[0], images.shape[-1]
    # Each channel has 256 places of its own in one long histogram.
    number = tf.reshape(tf.range(count * channels), [count, 1, 1, channels])
    places = tf.cast(images, tf.int32) + 256 * number
    flat = tf.reshape(places, [-1])
    histogram = tf.math.unsorted_segment_sum(tf.ones_like(flat), flat, count * channels * 256)
    histogram = tf.reshape(histogram, [-1, 256])
    smallest = tf.reduce_min(tf.where(histogram == 0, histogram.dtype.max, histogram), axis=1)
    step = ((tf.reduce_sum(histogram, axis=1) - smallest) // 255)[:, None]
    divisor = tf.maximum(step, 1)
    table = (tf.cumsum(histogram, axis=1, exclusive=True) + divisor // 2) // divisor
    # As in the paper's own code the lowest value becomes 0, and a channel of one value stays.
    ramp = tf.range(256)[None, :]
    table = tf.where(step == 0, ramp, tf.where(ramp == 0, 0, tf.minimum(table, 255)))
    return tf.cast(tf.gather(tf.reshape(table, [-1]), places), tf.float32)


def solarization(images: Any, factors: Factors) -> Any:
    """Brightens, then inverts what is above a threshold."""
    raised = tf.clip_by_value(images + _per_picture(factors.amount * _ADDED), 0.0, 255.0)
    return tf.where(raised < _per_picture(_WHITE - _WHITE * factors.amount), raised, 255.0 - raised)


def color_degeneration(images: Any, factors: Factors) -> Any:
    """Mixes with the picture in greys."""
    red, green, blue = (images[..., n : n + 1] for n in range(3))
    grey = red * _GREY[0] + green * _GREY[1] + blue * _GREY[2]
    return images + _per_picture(factors.amount) * (grey - images)


def contrast(images: Any, factors: Factors) -> Any:
    """Spreads each channel about its mean or draws it there."""
    return _layers()["contrast"].augment_images(images, _per_picture(1.0 + factors.signed))


def brightness(images: Any, factors: Factors) -> Any:
    """Makes lighter or darker."""
    return _layers()["brightness"].augment_images(images, _per_picture(255.0 * factors.signed))


def shear_x(images: Any, factors: Factors) -> Any:
    """Slants rows; what is missing is mirrored."""
    by = _with_sign(factors)
    return _layers()["shear"].augment_images(images, {"shear_x": by, "shear_y": None})


def shear_y(images: Any, factors: Factors) -> Any:
    """Slants columns; what is missing is mirrored."""
    by = _with_sign(factors)
    return _layers()["shear"].augment_images(images, {"shear_x": None, "shear_y": by})


def translation_x(images: Any, factors: Factors) -> Any:
    """Shifts to the side; what is missing is mirrored."""
    return _translated(images, tf.zeros_like(factors.signed), factors.signed)


def translation_y(images: Any, factors: Factors) -> Any:
    """Shifts up or down; what is missing is mirrored."""
    return _translated(images, factors.signed, tf.zeros_like(factors.signed))


def cutout(images: Any, factors: Factors) -> Any:
    """Cuts out a square of up to half the side."""
    half = min(images.shape[1], images.shape[2]) / 2
    side, row, column = tf.round(half * factors.amount), factors.row, factors.column
    return cut(images, *(tf.cast(each, tf.int32) for each in (side, row, column)))


# In keras-cv's order.
EVERY: tuple[Operation, ...] = (
    auto_contrast,
    equalization,
    solarization,
    color_degeneration,
    contrast,
    brightness,
    shear_x,
    shear_y,
    translation_x,
    translation_y,
)


def fitting(channels: int) -> tuple[Operation, ...]:
    """Returns the operations for pictures with so many channels: without three there are no colours to lose."""
    return tuple(each for each in EVERY if channels == 3 or each is not color_degeneration)


@tf.autograph.experimental.do_not_convert
def apply(images: Any, which: Any, factors: Factors, operations: tuple[Operation, ...]) -> Any:
    """Applies to each picture its own operation.

    The batch is split by operation, so that each is computed once, on all of its pictures.

    Args:
        images: uint8 [N, H, W, C].
        which: int32 [N], the place in `operations`, or -1 for pictures that stay as they are.
        factors: of each picture.
        operations: to choose from.

    Returns:
        uint8 [N, H, W, C].
    """
    split, count = which + 1, len(operations) + 1
    rows, pictures, drawn = (
        tf.dynamic_partition(values, split, count)
        for values in (tf.range(tf.shape(images)[0]), images, tf.stack(factors, axis=1))
    )
    done = [pictures[0]]
    for operation, part, own in zip(operations, pictures[1:], drawn[1:], strict=True):
        done.append(_rounded(operation, part, Factors(*tf.unstack(own, axis=1))))
    result = tf.dynamic_stitch(rows, done)
    result.set_shape(images.shape)
    return result


def _rounded(operation: Operation, images: Any, factors: Factors) -> Any:
    """Returns what an operation gives, as whole values. None is asked for no picture: some refuse that."""

    def done() -> Any:
        changed = operation(tf.cast(images, tf.float32), factors)
        return tf.cast(tf.clip_by_value(tf.round(changed), 0.0, 255.0), tf.uint8)

    return tf.cond(tf.shape(images)[0] > 0, done, lambda: images)


def _per_picture(values: Any) -> Any:
    return values[:, None, None, None]


def _with_sign(factors: Factors) -> Any:
    return tf.where(factors.signed < 0, -factors.amount, factors.amount)[:, None]


def _translated(images: Any, down: Any, right: Any) -> Any:
    shifts = {"height_translations": down[:, None], "width_translations": right[:, None]}
    return _layers()["translation"].augment_images(images, shifts)
