"""A range that is known beforehand."""

import dataclasses
from typing import Any

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization import integers
from tfqnoise.compression.quantization.activations import ActivationQuantizer, register


@register(
    reference="Jacob et al., CVPR 2018 (arXiv 1712.05877), section 2.1, with a range that isn't learned",
    sample={"bits": 4, "non_negative": True},
)
@dataclasses.dataclass(frozen=True)
class FixedRange(ActivationQuantizer):
    """The range [0, high], the same from the first step on: ReLU6's unless set otherwise.

    x^ = s clip(round(x / s), 0, 2^b - 1),  s = high / (2^b - 1); the gradient is 1 within the range, 0 outside.

    A sigmoid has this quantizer in any case, with high = 255/256: LiteRT's kernels give it that one range. Signed
    tensors keep a running range.

    Args:
        bits: of a level.
        non_negative: must be true.
        high: what the highest level stands for.
    """

    bits: int
    non_negative: bool
    high: float = 6.0
    signed = False

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        def scalar(suffix: str, value: float) -> Any:
            initial = keras.initializers.Constant(value)
            return layer.add_weight(f"{name}_{suffix}", initializer=initial, trainable=False)

        return {"min": scalar("min", 0.0), "max": scalar("max", self.high)}

    def limits(self, variables: dict[str, Any]) -> tuple[Any, Any]:
        return variables["min"], variables["max"]

    def quantise(self, inputs: Any, variables: dict[str, Any]) -> Any:
        low, high = variables["min"], variables["max"]
        if self.bits < 8:
            inputs = tf.nn.relu(inputs)
            low, high = integers.activation_range(high, self.bits)
        return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high)
