"""Parameterised clipping."""

import dataclasses
from typing import Any

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization import integers
from tfqnoise.compression.quantization.activations import ActivationQuantizer, observed, register


@register(
    reference="Choi et al., 2018 (arXiv 1805.06085), equations 1 to 3",
    sample={"bits": 4, "non_negative": True},
)
@dataclasses.dataclass(frozen=True)
class Pact(ActivationQuantizer):
    """Parameterised clipping activation: the upper end alpha of the range is trained.

    y = clip(x, 0, alpha),  y^ = round(y (2^b - 1) / alpha) alpha / (2^b - 1)
    dy^/dx = 1 where 0 <= x < alpha, else 0;  dy^/dalpha = 1 where x >= alpha, else 0

    alpha starts at the largest value of the first batch's first 16 pictures and decays as kernels do
    (--weight-decay), which is the paper's penalty on it. Signed tensors keep a running range.

    Args:
        bits: of a level.
        non_negative: must be true.
    """

    bits: int
    non_negative: bool
    signed = False

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        six, zero = keras.initializers.Constant(6.0), keras.initializers.Constant(0.0)
        return {
            "alpha": layer.add_weight(f"{name}_alpha", initializer=six),
            "started": layer.add_weight(f"{name}_started", initializer=zero, trainable=False),
        }

    def limits(self, variables: dict[str, Any]) -> tuple[Any, Any]:
        return tf.zeros(()), tf.maximum(tf.abs(variables["alpha"]), integers.SMALLEST_STEP)

    def quantise(self, inputs: Any, variables: dict[str, Any]) -> Any:
        alpha, started = variables["alpha"], variables["started"]
        alpha.assign(tf.where(started > 0, alpha, tf.reduce_max(observed(inputs))))
        started.assign(1.0)
        return clipped(inputs, tf.maximum(tf.abs(alpha), integers.SMALLEST_STEP), self.bits)


def clipped(values: Any, alpha: Any, bits: int) -> Any:
    """Returns clip(values, 0, alpha) in 2^bits levels, with PACT's gradients.

    Args:
        values: float32 of any shape.
        alpha: positive float32 [].
        bits: of a level.
    """
    step_count = 2**bits - 1

    @tf.custom_gradient
    def quantise(values: Any, alpha: Any) -> Any:
        step = alpha / step_count
        result = tf.clip_by_value(tf.round(values / step), 0, step_count) * step

        def gradient(upstream: Any) -> tuple[Any, Any]:
            above = values >= alpha
            inside = (values >= 0) & ~above
            zeros = tf.zeros_like(upstream)
            return tf.where(inside, upstream, zeros), tf.reduce_sum(tf.where(above, upstream, zeros))

        return result, gradient

    return quantise(values, alpha)
