"""The TF-MOT scheme through which every layer gets its quantizers.

It is TF-MOT's default 8-bit scheme, whose rewriting of the graph it keeps (convolution weights per channel, dense
weights and activations per tensor), with the quantizers of `weights` and `activations` in the place of TF-MOT's,
and with the input's range fixed to [0, 1], so that on the device a picture is int8 = pixel - 128 exactly.
It has forms of products, sigmoids and hard-swishes too, which TF-MOT lacks.
"""

from collections.abc import Callable
from typing import Any

import tensorflow_model_optimization as tfmot

from tfqnoise.backend import keras
from tfqnoise.compression.quantization import activations, hard_swish, weights

# Any: TF-MOT has no types.
_quantize: Any = tfmot.quantization.keras
_default: Any = _quantize.default_8bit

# (layer, whether its weights are quantised per channel) -> its quantizers of weights and activations.
Choice = Callable[[Any, bool], tuple[Any, Any]]


class LayerConfig(_quantize.QuantizeConfig):
    """A TF-MOT layer configuration with quantizers of our own.

    Args:
        base: the configuration that says which weights, activations and outputs are quantised.
        weight_quantizer: for all its weights.
        activation_quantizer: for its activations and outputs.
        outputs: whether activations and outputs are quantised at all.
    """

    def __init__(self, base: Any, weight_quantizer: Any, activation_quantizer: Any, outputs: bool = True) -> None:
        self.base, self.outputs = base, outputs
        self.weight_quantizer, self.activation_quantizer = weight_quantizer, activation_quantizer

    def get_weights_and_quantizers(self, layer: Any) -> Any:
        return [(weight, self.weight_quantizer) for weight, _ in self.base.get_weights_and_quantizers(layer)]

    def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None:
        self.base.set_quantize_weights(layer, quantize_weights)

    def get_activations_and_quantizers(self, layer: Any) -> Any:
        pairs = self.base.get_activations_and_quantizers(layer) if self.outputs else []
        return [(activation, self.activation_quantizer) for activation, _ in pairs]

    def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None:
        if self.outputs:
            self.base.set_quantize_activations(layer, quantize_activations)

    def get_output_quantizers(self, layer: Any) -> Any:
        return [self.activation_quantizer for _ in self.base.get_output_quantizers(layer) if self.outputs]

    def get_config(self) -> dict[str, Any]:
        return {
            "base": keras.utils.legacy.serialize_keras_object(self.base),
            "weight_quantizer": self.weight_quantizer.get_config(),
            "activation_quantizer": self.activation_quantizer.get_config(),
            "outputs": self.outputs,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LayerConfig":
        base = keras.utils.legacy.deserialize_keras_object(config["base"])
        weight_quantizer = weights.get(config["weight_quantizer"])
        return cls(base, weight_quantizer, activations.get(config["activation_quantizer"]), config["outputs"])


class OutputConfig(_quantize.QuantizeConfig):
    """A configuration of a layer without weights.

    Args:
        quantised: whether its output is quantised; what lies within an operator of the device is not.
    """

    def __init__(self, quantised: bool = True) -> None:
        self.quantised = quantised

    def get_weights_and_quantizers(self, layer: Any) -> Any:
        return []

    def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None:
        """Has none."""

    def get_activations_and_quantizers(self, layer: Any) -> Any:
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None:
        """Has none."""

    def get_output_quantizers(self, layer: Any) -> Any:
        return [None] if self.quantised else []

    def get_config(self) -> dict[str, Any]:
        return {"quantised": self.quantised}


class _Registry(_default.Default8BitQuantizeRegistry):
    def __init__(self, choose: Choice | None = None) -> None:
        super().__init__()
        self._choose = choose
        self._layer_quantize_map[keras.layers.Multiply] = OutputConfig()

    def get_quantize_config(self, layer: Any) -> Any:
        base = OutputConfig() if is_sigmoid(layer) else super().get_quantize_config(layer)
        return _configured(base, layer, self._choose)


class _LayoutTransform(_default.Default8BitQuantizeLayoutTransform):
    def __init__(self, choose: Choice) -> None:
        super().__init__()
        self._choose = choose

    def apply(self, model: Any, layer_quantize_map: dict[str, Any]) -> Any:
        model, layer_quantize_map = super().apply(model, layer_quantize_map)
        fixed = _quantize.quantizers.FixedQuantizer(num_bits=8, init_min=0.0, init_max=1.0, narrow_range=False)
        for layer in model.layers:
            # TF-MOT doesn't export the class of the layers that it puts behind inputs.
            if type(layer).__name__ == "QuantizeLayer":
                quantizer = keras.utils.legacy.serialize_keras_object(fixed)
                layer_quantize_map[layer.name] = {"quantizer": quantizer}
        for name in hard_swish.parts(model):
            layer_quantize_map[name]["quantize_config"] = OutputConfig(False)
        for name, metadata in layer_quantize_map.items():
            config = metadata.get("quantize_config")
            if config is not None and not isinstance(config, LayerConfig):
                layer = model.get_layer(name)
                # TF-MOT's rule for a ReLU right behind a convolution or dense layer switches off all quantization
                # in front of it, that of the weights too. They get it back here.
                switched_off = getattr(layer, "kernel_initializer", None) and not config.get_weights_and_quantizers(
                    layer
                )
                config = _Registry().get_quantize_config(layer) if switched_off else config
                metadata["quantize_config"] = _configured(config, layer, self._choose, outputs=not switched_off)
        return model, layer_quantize_map


class Scheme(_default.Default8BitQuantizeScheme):
    """TF-MOT's default 8-bit scheme with chosen quantizers and a fixed input range.

    Args:
        choose: gives each layer its quantizers.
    """

    def __init__(self, choose: Choice) -> None:
        self._choose = choose

    def get_layout_transformer(self) -> Any:
        return _LayoutTransform(self._choose)

    def get_quantize_registry(self) -> Any:
        return _Registry(self._choose)


def supports(layer: Any) -> bool:
    """Says whether the scheme has an integer form of a layer's class."""
    return bool(_Registry().supports(layer))


def is_sigmoid(layer: Any) -> bool:
    """Says whether a layer is a sigmoid of its own, whose range is known."""
    return isinstance(layer, keras.layers.Activation) and layer.activation is keras.activations.sigmoid


def _configured(base: Any, layer: Any, choose: Choice | None, *, outputs: bool = True) -> Any:
    if choose is None or isinstance(base, LayerConfig):
        return base
    per_channel = [quantizer.per_axis for _, quantizer in base.get_weights_and_quantizers(layer)]
    return LayerConfig(base, *choose(layer, any(per_channel)), outputs)


CUSTOM_OBJECTS = {"LayerConfig": LayerConfig, "OutputConfig": OutputConfig}
