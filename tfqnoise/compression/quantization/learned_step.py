"""The arithmetic of a learned step, for weights and activations."""

import math
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.compression.quantization import integers


def learned_step(
    values: Any, step: Any, low: int, high: int, axes: list[int], *, one_bit: bool = False, replicas: int = 1
) -> Any:
    """Returns step x clip(round(values / step), low, high) with the gradients of LSQ.

    With v = values / step and q its code, the derivative by `values` is 1 where low <= v <= high and 0 elsewhere;
    that by `step` is q - v inside and q outside, summed over `axes` and scaled by 1 / sqrt(N high), N being the
    number of values that share a step, in all replicas together.

    Args:
        values: float32 of any shape.
        step: positive float32 [] or [channels].
        low: smallest code.
        high: largest code.
        axes: those over which values share a step.
        one_bit: whether the only codes are -1 and 1.
        replicas: each of which has as many values that share the step.

    Reference: Esser et al., ICLR 2020 (arXiv 1902.08153), equations 1 to 5 and section 2.2.
    """

    @tf.custom_gradient
    def quantise(values: Any, step: Any) -> Any:
        scaled = values / step
        codes = integers.rounded(scaled, 1) if one_bit else tf.clip_by_value(tf.round(scaled), low, high)

        def gradient(upstream: Any) -> tuple[Any, Any]:
            inside = tf.cast((scaled >= low) & (scaled <= high), values.dtype)
            sizes = tf.shape(values)
            shared = tf.cast(tf.reduce_prod(tf.gather(sizes, axes)), values.dtype)
            factor = tf.math.rsqrt(shared * replicas * math.fabs(high))
            by_step = tf.reduce_sum(upstream * (codes - scaled * inside), axes) * factor
            return upstream * inside, by_step

        return codes * step, gradient

    return quantise(values, step)
