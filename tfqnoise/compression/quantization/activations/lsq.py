"""Learned step size for activations."""

import dataclasses
from typing import Any

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization import integers
from tfqnoise.compression.quantization.activations import ActivationQuantizer, observed, register
from tfqnoise.compression.quantization.learned_step import learned_step


@register(
    reference="Esser et al., ICLR 2020 (arXiv 1902.08153), equations 1 to 5",
    sample={"bits": 4, "non_negative": True},
)
@dataclasses.dataclass(frozen=True)
class Lsq(ActivationQuantizer):
    """Learned step size quantization: codes 0 ... 2^b - 1, or -2^(b-1) ... 2^(b-1) - 1 where values are signed.

    x^ = s clip(round(x / s), low, high); s is trained, and starts at 2 mean |x| / sqrt(high) of the first batch's
    first 16 pictures. Its gradient is scaled by 1 / sqrt(N high), N being the values of a batch.

    Args:
        bits: of a level.
        non_negative: whether inputs are never negative.
    """

    bits: int
    non_negative: bool

    @property
    def _codes(self) -> tuple[int, int]:
        return (0, 2**self.bits - 1) if self.non_negative else (-(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1)

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        one, zero = keras.initializers.Constant(1.0), keras.initializers.Constant(0.0)
        return {
            "step": layer.add_weight(f"{name}_step", initializer=one),
            "started": layer.add_weight(f"{name}_started", initializer=zero, trainable=False),
        }

    def limits(self, variables: dict[str, Any]) -> tuple[Any, Any]:
        low, high = self._codes
        step = tf.maximum(tf.abs(variables["step"]), integers.SMALLEST_STEP)
        return low * step, high * step

    def quantise(self, inputs: Any, variables: dict[str, Any]) -> Any:
        low, high = self._codes
        step, started = variables["step"], variables["started"]
        first = 2 * tf.reduce_mean(tf.abs(observed(inputs))) / high**0.5
        # Assigned in each step, since a branch in the graph would cost more than the mean.
        step.assign(tf.where(started > 0, step, first))
        started.assign(1.0)
        positive = tf.maximum(tf.abs(step), integers.SMALLEST_STEP)
        axes, replicas = list(range(inputs.shape.rank)), tf.distribute.get_strategy().num_replicas_in_sync
        return learned_step(inputs, positive, low, high, axes, replicas=replicas)
