"""Settling a quantised network: the state in which it is evaluated and exported.

The integer model rounds each bias to a multiple of (input scale x weight scale), the unit of its accumulator.
Training doesn't, and the many values of an activation that lie near the middle between two steps then fall to
different sides; through the layers the few differences become many. `settle` rounds the biases: that moves a bias
by half a unit at most, some thousandths of a step of the output; after it, Keras and the integer model add up the
same integers.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot

from tfqnoise.backend import keras
from tfqnoise.compression.quantization.qat import output_quantizer

_Wrapper = tfmot.quantization.keras.QuantizeWrapperV2


def settle(network: Any) -> None:
    """Puts a network into the state in which it is exported; doing it twice changes nothing more.

    Args:
        network: a network of `tfqnoise.compression.quantization.qat`; a plain one stays as it is.
    """
    for wrapper in network.layers:
        if isinstance(wrapper, _Wrapper) and wrapper._weight_vars:
            for weight, quantizer, variables in wrapper._weight_vars:
                quantizer.settle(weight, variables)
            _round_bias(wrapper)


@contextlib.contextmanager
def biases_moved(network: Any, moves: Mapping[str, np.ndarray]) -> Iterator[None]:
    """Moves biases of a settled network for as long as the context lasts.

    Args:
        network: a network of `tfqnoise.compression.quantization.qat`.
        moves: by the name of a layer in the plain network what is added to its bias, [channels]. A layer that has
            none, nor an offset in the batch norm behind it, stays as it is.
    """
    kept = []
    for name, move in moves.items():
        wrapper = network.get_layer(f"quant_{name}")
        norm = _batch_norm_behind(wrapper)
        bias = wrapper.layer.bias if norm is None else norm.beta
        if bias is not None:
            kept.append((bias, bias.numpy()))
            bias.assign_add(move.astype(np.float32))
    try:
        yield
    finally:
        for bias, value in kept:
            bias.assign(value)


def _round_bias(wrapper: Any) -> None:
    layer, source = wrapper.layer, _scale(_before(wrapper))
    if source is None:
        return
    weight, quantizer, variables = wrapper._weight_vars[0]
    unit = source * quantizer.step(weight, variables).numpy().astype(np.float64)
    bias = np.zeros(1) if layer.bias is None else layer.bias.numpy().astype(np.float64)
    norm = _batch_norm_behind(wrapper)
    if norm is None:
        if layer.bias is not None:
            layer.bias.assign(_rounded(bias, unit))
        return
    # Folded, the batch norm's y = g (x - mean) + beta multiplies kernel and unit by g.
    variance = norm.moving_variance.numpy().astype(np.float64)
    gain = (norm.gamma.numpy() if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
    offset = (bias - norm.moving_mean.numpy()) * gain
    if norm.center:
        norm.beta.assign(_rounded(offset + norm.beta.numpy(), unit * np.abs(gain)) - offset)


def _rounded(values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Returns values as multiples of their unit; a unit of 0 (a batch norm's scale of 0) leaves its value alone."""
    safe = np.where(unit > 0, unit, 1)
    return np.where(unit > 0, np.round(values / safe) * safe, values)


def _before(layer: Any) -> Any:
    before = layer.inbound_nodes[0].inbound_layers
    return before if isinstance(before, keras.layers.Layer) else None


def _batch_norm_behind(wrapper: Any) -> Any:
    following = [node.outbound_layer for node in wrapper.outbound_nodes]
    inner = getattr(following[0], "layer", None) if len(following) == 1 else None
    return inner if isinstance(inner, keras.layers.BatchNormalization) else None


def _scale(layer: Any) -> float | None:
    """Returns the scale of what a layer gives out, looking through layers that only move values."""
    quantizer = getattr(layer, "quantizer", None)
    if quantizer is not None:
        return (quantizer.init_max - quantizer.init_min) / 255
    if not isinstance(layer, _Wrapper):
        return None
    output = output_quantizer(layer)
    if output is not None:
        return output[0].scale(output[1])
    return _scale(_before(layer)) if not layer._weight_vars else None
