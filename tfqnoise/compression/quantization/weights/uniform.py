"""Levels from the largest weight."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.compression.quantization import integers
from tfqnoise.compression.quantization.weights import WeightQuantizer, register


@register(
    reference="Jacob et al., CVPR 2018 (arXiv 1712.05877), section 3; TF-MOT's n-bit scheme",
    sample={"bits": 4, "per_channel": True},
)
@dataclasses.dataclass(frozen=True)
class Uniform(WeightQuantizer):
    """The levels of TF-MOT's n-bit scheme: the largest weight is the top level.

    s = max |w| / n,  w^ = s clip(round(w / s), -n, n),  n = 2^(b-1) - 1,  dw^/dw = 1

    With one bit s = mean |w| and w^ = s sign(w).

    Args:
        bits: of the integers.
        per_channel: whether each channel of the last axis has its own s.
    """

    bits: int
    per_channel: bool

    def step(self, weight: Any, variables: dict[str, Any]) -> Any:
        axes, size = self.reduced(weight), tf.abs(weight)
        step = (
            tf.reduce_mean(size, axes)
            if self.bits == 1
            else tf.reduce_max(size, axes) / integers.top_level(self.bits)
        )
        return tf.maximum(step, integers.SMALLEST_STEP)

    def quantise(self, weight: Any, variables: dict[str, Any]) -> Any:
        return _straight_through(tf.convert_to_tensor(weight), self.step(weight, variables), self.bits)


def _straight_through(weight: Any, step: Any, bits: int) -> Any:
    @tf.custom_gradient
    def quantise(weight: Any, step: Any) -> Any:
        return integers.rounded(weight / step, bits) * step, lambda upstream: (upstream, None)

    return quantise(weight, tf.stop_gradient(step))
