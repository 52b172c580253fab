"""Wrapping a plain network for quantization-aware training."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow_model_optimization as tfmot

from tfqnoise.backend import keras, require_legacy
from tfqnoise.compression import plan
from tfqnoise.compression.quantization import activations, hard_swish, weights
from tfqnoise.compression.quantization.scheme import CUSTOM_OBJECTS, Scheme, is_sigmoid, supports
from tfqnoise.errors import PlanError, did_you_mean

_quantize = tfmot.quantization.keras
# The one range that LiteRT's kernels give a sigmoid: int8 = 256 x - 128.
_SIGMOID_HIGH = 255 / 256


@dataclasses.dataclass(frozen=True)
class Widths:
    """How many bits, and by which quantizers.

    Attributes:
        bits: of weights, 1 to 8.
        quantizer: of weights, as `tfqnoise.compression.quantization.weights.get` takes it.
        activation_bits: of activations behind a ReLU; others keep 8 bits.
        activation_quantizer: as `tfqnoise.compression.quantization.activations.get` takes it.
        edge_bits: of the weights of the first and the last layer that has some, where `bits` is lower.
    """

    bits: int = 8
    quantizer: str = "uniform"
    activation_bits: int = 8
    activation_quantizer: str = "moving_range"
    edge_bits: int = 8


def quantize(
    network: Any,
    allow_float: tuple[str, ...] = (),
    widths: Widths | None = None,
    kernel_quantizers: Mapping[str, Callable[..., Any]] | None = None,
) -> tuple[Any, list[plan.LayerReport]]:
    """Returns a quantization-aware copy of a network and what became of each layer.

    The copy starts from the network's weights; the network itself stays as it is.

    Args:
        network: a flat functional model whose input is a picture in [0, 1].
        allow_float: names of layers that may stay float.
        widths: bits and quantizers; 8 bits if None.
        kernel_quantizers: by the names of layers whose weights get another quantizer, a function of per_channel.

    Returns:
        The quantised model, and one report per layer of `network`.

    Raises:
        BackendError: if the network is not a legacy Keras model.
        PlanError: if a layer would stay float that `allow_float` doesn't name, or the network isn't flat.
    """
    require_legacy(network)
    left = _check(network, allow_float)
    chooser = _Chooser(network, widths or Widths(), kernel_quantizers or {})

    def annotate(layer: Any) -> Any:
        return layer if layer.name in left else _quantize.quantize_annotate_layer(layer)

    with _quantize.quantize_scope(CUSTOM_OBJECTS):
        annotated = keras.models.clone_model(network, clone_function=annotate)
        annotated.set_weights(network.get_weights())
        quantised = _quantize.quantize_apply(annotated, scheme=Scheme(chooser))
    quantised._name = network.name
    for wrapper in quantised.layers:
        for weight, quantizer, variables in getattr(wrapper, "_weight_vars", ()):
            quantizer.initialise(weight, variables)
    within = hard_swish.parts(network)
    return quantised, [_report(layer, quantised, left, within) for layer in network.layers]


def quantize_stock(network: Any) -> Any:
    """Returns the quantization-aware copy that TF-MOT itself makes, to measure ours against."""
    return _quantize.quantize_model(require_legacy(network))


class _Chooser:
    """Gives each layer of a network its quantizers."""

    def __init__(self, network: Any, widths: Widths, kernel_quantizers: Mapping[str, Callable[..., Any]]) -> None:
        self._widths, self._own = widths, kernel_quantizers
        names = [layer.name for layer in network.layers if _has_kernel(layer)]
        self._edges = {*names[:1], *names[-1:]}

    def __call__(self, layer: Any, per_channel: bool) -> tuple[Any, Any]:
        w = self._widths
        bits = max(w.bits, w.edge_bits) if layer.name in self._edges else w.bits
        if layer.name in self._own:
            kernel = self._own[layer.name](per_channel=per_channel)
        else:
            kernel = weights.get(w.quantizer, bits=bits, per_channel=per_channel)
        if is_sigmoid(layer):
            fixed = {"name": "fixed_range", "high": _SIGMOID_HIGH}
            return kernel, activations.get(fixed, bits=8, non_negative=True)
        non_negative = is_relu(layer)
        output = activations.get(
            w.activation_quantizer, bits=w.activation_bits if non_negative else 8, non_negative=non_negative
        )
        if not (non_negative or output.signed):
            output = activations.get("moving_range", bits=8, non_negative=False)
        return kernel, output


def _has_kernel(layer: Any) -> bool:
    return isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)


def is_relu(layer: Any) -> bool:
    """Says whether a layer gives nothing below zero, because it is a ReLU or ends in one."""
    if isinstance(layer, keras.layers.ReLU):
        return not layer.negative_slope
    return getattr(layer, "activation", None) is keras.activations.relu


def _check(network: Any, allow_float: tuple[str, ...]) -> dict[str, str]:
    names = {layer.name for layer in network.layers}
    for name in allow_float:
        if name not in names:
            raise PlanError(
                f"--allow-float names no layer: '{name}'", "a layer of the network", did_you_mean(name, names)
            )
    within = hard_swish.parts(network)
    reasons = {
        layer.name: reason
        for layer in network.layers
        if layer.name not in within and (reason := _why_not(layer)) is not None
    }
    missing = [name for name in reasons if name not in allow_float]
    if missing:
        lines = "".join(f"\n    '{name}': {reasons[name]}" for name in missing)
        raise PlanError(
            f"{len(missing)} of {len(network.layers)} layers can't be quantised:{lines}",
            "a network in which every layer can be, or the layers named as exceptions",
            f"replace them, train with --bits 32, or pass --allow-float {' '.join(missing)} "
            "(the exported model will then not be fully integer)",
        )
    return {name: f"allowed by name; {reason}" for name, reason in reasons.items()}


def _why_not(layer: Any) -> str | None:
    if isinstance(layer, keras.layers.InputLayer):
        return None
    if isinstance(layer, keras.Model):
        return "it is a model inside the model, and TF-MOT needs one flat graph"
    if len(layer.inbound_nodes) != 1:
        return f"it is used {len(layer.inbound_nodes)} times, and one range can't serve several places"
    if isinstance(layer, keras.layers.BatchNormalization):
        before = layer.inbound_nodes[0].inbound_layers
        foldable = keras.layers.Conv2D | keras.layers.DepthwiseConv2D | keras.layers.Dense
        if isinstance(before, foldable) and before.activation is keras.activations.linear:
            return None
        return "a batch norm is folded only into a convolution or dense layer right before it"
    if supports(layer):
        return None
    return f"TF-MOT has no integer form of {type(layer).__name__}"


def _report(layer: Any, quantised: Any, left: dict[str, str], within: dict[str, str]) -> plan.LayerReport:
    kind = type(layer).__name__
    if isinstance(layer, keras.layers.InputLayer):
        return plan.LayerReport(layer.name, kind, "quantised", "input fixed to [0, 1]: int8 = pixel - 128")
    if layer.name in left:
        return plan.LayerReport(layer.name, kind, "float", left[layer.name])
    if layer.name in within:
        return plan.LayerReport(layer.name, kind, "fused", f"quantised behind {within[layer.name]}")
    wrapper = quantised.get_layer(f"quant_{layer.name}")
    parts = []
    for weight, quantizer, _ in wrapper._weight_vars:
        axis = "channel" if quantizer.per_channel else "tensor"
        parts.append(f"{weight.name.split('/')[-1].split(':')[0]} {quantizer.describe()} per {axis}")
    output = output_quantizer(wrapper)
    if output is not None:
        bits = output[0].bits
        parts.append("output int8 per tensor" if bits == 8 else f"output {2**bits} levels of int8 ({bits} bits)")
    if isinstance(layer, keras.layers.BatchNormalization):
        return plan.LayerReport(layer.name, kind, "folded", ", ".join(["into the layer before", *parts]))
    if parts:
        return plan.LayerReport(layer.name, kind, "quantised", ", ".join(parts))
    following = [node.outbound_layer for node in layer.outbound_nodes]
    if following and all(isinstance(f, keras.layers.ReLU | keras.layers.Activation) for f in following):
        return plan.LayerReport(layer.name, kind, "fused", f"quantised behind {following[0].name}")
    return plan.LayerReport(layer.name, kind, "passed", "moves values only; keeps its input's range")


def output_quantizer(wrapper: Any) -> tuple[Any, dict[str, Any]] | None:
    """Returns the quantizer of what a wrapped layer gives out and its variables; None if it quantises nothing."""
    if wrapper._output_quantizers:
        return wrapper._output_quantizers[0], wrapper._output_quantizer_vars
    for activation in wrapper._quantize_activations:
        variables = getattr(activation, "_post_activation_vars", None)
        if variables is not None:
            return activation.quantizer, variables
    return None
