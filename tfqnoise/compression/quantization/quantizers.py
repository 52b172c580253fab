"""Quantizers and the TF-MOT scheme that uses them.

The scheme is TF-MOT's default 8-bit one (convolution weights per channel, dense weights and activations per
tensor) with two changes that leave the exported model's form as it is:

* the input's range is fixed to [0, 1], so on the device a picture is int8 = pixel - 128 exactly;
* activations use `MovingRange`, which learns its range from the first batch on and costs less per step.
"""

from typing import Any

import tensorflow_model_optimization as tfmot

from tfqnoise.backend import keras, tf

# Any: TF-MOT has no types.
_quantize: Any = tfmot.quantization.keras
_default: Any = _quantize.default_8bit


class MovingRange(_quantize.quantizers.Quantizer):
    """Quantizes activations of 8 bits to a running range [a, b].

    a <- d a + (1 - d) min(0, min x),  b <- d b + (1 - d) max(0, max x),  d = min(decay, n / (n + 1))

    after n updates: the mean over the first batches, an exponential average later. TF-MOT's own starts at
    [-6, 6] and forgets that with d = 0.999, so short runs train and export a range they never use. The output
    is that of TensorFlow's FakeQuantWithMinMaxVars, the gradient is passed straight through (identity): no
    weight learns from clipping, and the backward pass costs nothing.

    Args:
        non_negative: whether inputs are never negative, as behind a ReLU; then a = 0 and is not measured.
        decay: the largest d.

    Reference: Jacob et al., CVPR 2018 (arXiv 1712.05877), section 3.1; the straight-through gradient as in
    Tallec et al., ICIP 2023 (arXiv 2303.11803).
    """

    def __init__(self, non_negative: bool = False, decay: float = 0.99) -> None:
        self.non_negative, self.decay = non_negative, decay

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        def scalar(suffix: str, value: float) -> Any:
            initial = keras.initializers.Constant(value)
            return layer.add_weight(f"{name}_{suffix}", initializer=initial, trainable=False)

        low = 0.0 if self.non_negative else -6.0
        return {
            "min_var": scalar("min", low),
            "max_var": scalar("max", 6.0),
            "updates": scalar("updates", 0.0),
        }

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **kwargs: Any) -> Any:
        low, high = weights["min_var"], weights["max_var"]
        if not training:
            return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high)
        updates = weights["updates"]
        decay = tf.minimum(self.decay, updates / (updates + 1))
        updates.assign_add(1.0)
        top = tf.maximum(tf.reduce_max(tf.stop_gradient(inputs)), 0.0)
        new_high = high.assign(decay * high + (1 - decay) * top)
        new_low = low
        if not self.non_negative:
            bottom = tf.minimum(tf.reduce_min(tf.stop_gradient(inputs)), 0.0)
            new_low = low.assign(decay * low + (1 - decay) * bottom)
        return _straight_through(inputs, new_low, new_high)

    def get_config(self) -> dict[str, Any]:
        return {"non_negative": self.non_negative, "decay": self.decay}


@tf.custom_gradient
def _straight_through(inputs: Any, low: Any, high: Any) -> Any:
    return (
        tf.quantization.fake_quant_with_min_max_vars(inputs, low, high),
        lambda upstream: (upstream, None, None),
    )


class MovingRangeConfig(_quantize.QuantizeConfig):
    """A TF-MOT layer configuration whose activations are quantised by `MovingRange`.

    Args:
        base: the configuration that says which weights, activations and outputs are quantised.
        non_negative: see `MovingRange`.
    """

    def __init__(self, base: Any, non_negative: bool = False) -> None:
        self.base, self.non_negative = base, non_negative
        self._activation_quantizer = MovingRange(non_negative)

    def get_weights_and_quantizers(self, layer: Any) -> Any:
        return self.base.get_weights_and_quantizers(layer)

    def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None:
        self.base.set_quantize_weights(layer, quantize_weights)

    def get_activations_and_quantizers(self, layer: Any) -> Any:
        pairs = self.base.get_activations_and_quantizers(layer)
        return [(activation, self._activation_quantizer) for activation, _ in pairs]

    def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None:
        self.base.set_quantize_activations(layer, quantize_activations)

    def get_output_quantizers(self, layer: Any) -> Any:
        return [self._activation_quantizer for _ in self.base.get_output_quantizers(layer)]

    def get_config(self) -> dict[str, Any]:
        base = keras.utils.legacy.serialize_keras_object(self.base)
        return {"base": base, "non_negative": self.non_negative}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MovingRangeConfig":
        base = keras.utils.legacy.deserialize_keras_object(config["base"])
        return cls(base, config["non_negative"])


class _Registry(_default.Default8BitQuantizeRegistry):
    def get_quantize_config(self, layer: Any) -> Any:
        return MovingRangeConfig(super().get_quantize_config(layer), _is_relu(layer))


class _LayoutTransform(_default.Default8BitQuantizeLayoutTransform):
    def apply(self, model: Any, layer_quantize_map: dict[str, Any]) -> Any:
        model, layer_quantize_map = super().apply(model, layer_quantize_map)
        fixed = _quantize.quantizers.FixedQuantizer(num_bits=8, init_min=0.0, init_max=1.0, narrow_range=False)
        for layer in model.layers:
            # TF-MOT doesn't export the class of the layers that it puts behind inputs.
            if type(layer).__name__ == "QuantizeLayer":
                quantizer = keras.utils.legacy.serialize_keras_object(fixed)
                layer_quantize_map[layer.name] = {"quantizer": quantizer}
        for metadata in layer_quantize_map.values():
            config = metadata.get("quantize_config")
            if config is not None and not isinstance(config, MovingRangeConfig):
                metadata["quantize_config"] = MovingRangeConfig(config)
        return model, layer_quantize_map


class Scheme(_default.Default8BitQuantizeScheme):
    """TF-MOT's default 8-bit scheme with a fixed input range and `MovingRange` activations."""

    def get_layout_transformer(self) -> Any:
        return _LayoutTransform()

    def get_quantize_registry(self) -> Any:
        return _Registry()


def _is_relu(layer: Any) -> bool:
    if isinstance(layer, keras.layers.ReLU):
        return not layer.negative_slope
    return getattr(layer, "activation", None) is keras.activations.relu


CUSTOM_OBJECTS = {"MovingRange": MovingRange, "MovingRangeConfig": MovingRangeConfig}
