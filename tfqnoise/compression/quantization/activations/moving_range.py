"""A running range."""

import dataclasses
from typing import Any

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization import integers
from tfqnoise.compression.quantization.activations import ActivationQuantizer, observed, register


@register(
    reference="Jacob et al., CVPR 2018 (arXiv 1712.05877), section 3.1",
    sample={"bits": 8, "non_negative": False},
)
@dataclasses.dataclass(frozen=True)
class MovingRange(ActivationQuantizer):
    """The running range [a, b] of what is seen in the first 16 pictures of each batch.

    a <- d a + (1 - d) min(0, min x),  b <- d b + (1 - d) max(0, max x),  d = min(decay, n / (n + 1))

    after n updates: the mean over the first batches, an exponential average later. TF-MOT's own starts at
    [-6, 6] and forgets that with d = 0.999, so short runs train and export a range they never use. The gradient
    is passed straight through (identity), as in Tallec et al., ICIP 2023 (arXiv 2303.11803): no weight learns
    from clipping, and the backward pass costs nothing.

    Args:
        bits: of a level.
        non_negative: whether inputs are never negative; then a = 0 and is not measured.
        decay: the largest d.
    """

    bits: int
    non_negative: bool
    decay: float = 0.99

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        def scalar(suffix: str, value: float) -> Any:
            initial = keras.initializers.Constant(value)
            return layer.add_weight(f"{name}_{suffix}", initializer=initial, trainable=False)

        low = 0.0 if self.non_negative else -6.0
        return {"min": scalar("min", low), "max": scalar("max", 6.0), "updates": scalar("updates", 0.0)}

    def limits(self, variables: dict[str, Any]) -> tuple[Any, Any]:
        return variables["min"], variables["max"]

    def quantise(self, inputs: Any, variables: dict[str, Any]) -> Any:
        low, high, updates = variables["min"], variables["max"], variables["updates"]
        decay = tf.minimum(self.decay, updates / (updates + 1))
        updates.assign_add(1.0)
        seen = observed(inputs)
        top = tf.maximum(tf.reduce_max(seen), 0.0)
        new_high = high.assign(decay * high + (1 - decay) * top)
        new_low = low
        if not self.non_negative:
            bottom = tf.minimum(tf.reduce_min(seen), 0.0)
            new_low = low.assign(decay * low + (1 - decay) * bottom)
        if self.bits < 8:
            new_low, new_high = integers.activation_range(new_high, self.bits)
        return _straight_through(inputs, new_low, new_high)


@tf.custom_gradient
def _straight_through(inputs: Any, low: Any, high: Any) -> Any:
    return (
        tf.quantization.fake_quant_with_min_max_vars(inputs, low, high),
        lambda upstream: (upstream, None, None),
    )
