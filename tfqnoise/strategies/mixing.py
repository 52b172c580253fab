"""Mixtures of the pictures of a batch."""

from typing import Any

from tfqnoise.backend import tf

_FIRST, _SECOND, _ROW, _COLUMN = 401, 402, 403, 404


def share(batch: dict[str, Any], alpha: float, seed: int) -> Any:
    """Returns a number of [0, 1] drawn from Beta(alpha, alpha) for the batch, a function of (seed, batch number)."""
    first, second = (_gamma(batch, alpha, seed, use) for use in (_FIRST, _SECOND))
    return first / tf.maximum(first + second, 1e-30)


def _gamma(batch: dict[str, Any], alpha: float, seed: int, use: int) -> Any:
    key = tf.stack([tf.constant(seed * 1009 + use, tf.int64), tf.cast(batch["number"], tf.int64)])
    return tf.random.stateless_gamma([], key, alpha)


def partner(values: Any) -> Any:
    """Returns the values [B, ...] of each example's partner. A batch is in random order, so its neighbour will do."""
    return tf.roll(values, 1, axis=0)


def mixed(values: Any, weight: Any) -> Any:
    """Returns w x + (1 - w) x' for values x [B, ...] and those x' of their partners, in float32."""
    values = tf.cast(values, tf.float32)
    return weight * values + (1 - weight) * partner(values)


def pasted(images: Any, batch: dict[str, Any], weight: Any, seed: int) -> tuple[Any, Any]:
    """Returns pictures with a rectangle of their partner's in them, and the share that is still their own.

    Args:
        images: [B, H, W, C].
        batch: gives the place, by its number.
        weight: the share that is meant to be their own; a rectangle that reaches over the border is cut off there.
        seed: of the run.
    """
    height, width = images.shape[1], images.shape[2]
    side = tf.sqrt(1 - weight)
    number = tf.cast(batch["number"], tf.int64)

    def band(size: int, use: int) -> Any:
        key = tf.stack([tf.constant(seed * 1009 + use, tf.int64), number])
        centre = tf.random.stateless_uniform([], key) * size
        place = tf.range(size, dtype=tf.float32) + 0.5
        return tf.abs(place - centre) < side * size / 2

    inside = band(height, _ROW)[:, None] & band(width, _COLUMN)[None, :]
    own = 1 - tf.reduce_mean(tf.cast(inside, tf.float32))
    return tf.where(inside[None, :, :, None], partner(images), images), own
