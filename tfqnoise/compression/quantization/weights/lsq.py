"""Learned step size."""

import dataclasses
from typing import Any

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization import integers
from tfqnoise.compression.quantization.learned_step import learned_step
from tfqnoise.compression.quantization.weights import WeightQuantizer, register


@register(
    reference="Esser et al., ICLR 2020 (arXiv 1902.08153), equations 1 to 5",
    sample={"bits": 4, "per_channel": True},
)
@dataclasses.dataclass(frozen=True)
class Lsq(WeightQuantizer):
    """Learned step size quantization: the step is trained with the weights.

    w^ = s clip(round(w / s), -n, n),  dw^/dw = 1 where |w / s| <= n, else 0
    dw^/ds = round(w / s) - w / s inside, +-n outside; scaled by 1 / sqrt(N n) for the N weights of a step

    s starts at 2 mean |w| / sqrt(n). The paper's lowest level -n - 1 is left out, because LiteRT's weights are
    symmetric: two bits are ternary.

    Args:
        bits: of the integers.
        per_channel: whether each channel of the last axis has its own s; the paper has one a layer.
    """

    bits: int
    per_channel: bool

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        shape = tensor_shape[-1:] if self.per_channel else ()
        return {"step": layer.add_weight(f"{name}_step", shape=shape, initializer=keras.initializers.Constant(1.0))}

    def initialise(self, weight: Any, variables: dict[str, Any]) -> None:
        step = 2 * tf.reduce_mean(tf.abs(weight), self.reduced(weight)) / integers.top_level(self.bits) ** 0.5
        variables["step"].assign(tf.maximum(step, integers.SMALLEST_STEP))

    def step(self, weight: Any, variables: dict[str, Any]) -> Any:
        return tf.maximum(tf.abs(variables["step"]), integers.SMALLEST_STEP)

    def quantise(self, weight: Any, variables: dict[str, Any]) -> Any:
        top = integers.top_level(self.bits)
        axes = self.reduced(weight)
        return learned_step(
            tf.convert_to_tensor(weight), self.step(weight, variables), -top, top, axes, one_bit=self.bits == 1
        )
