"""Settling a quantised network: the state in which it is evaluated and exported.

The integer model rounds each bias to a multiple of (input scale x weight scale), the unit of its accumulator.
Training doesn't, and the many values of an activation that lie near the middle between two steps then fall to
different sides; through the layers the few differences become many. `settle` rounds the biases: that moves a bias
by half a unit at most, some thousandths of a step of the output; after it, Keras and the integer model add up the
same integers.

Convolutions whose weights are packed into INT4, and dense layers into INT2 (INT4 if their inputs are odd in number),
run in LiteRT's built-in kernels, which round their output twice.
With M = s_in s_w / s_out = m 2^-r, 1/2 <= m < 1, an accumulator a becomes

    q = floor((floor(a m + 1/2) + 2^(r-1)) / 2^r) = floor(a M + 1/2 + 2^-(r+1))    where r > 0:

to round twice is to round once with a bias that is o = 1 / (2 m) units higher, 1/2 < o <= 1. So these biases are
rounded to whole units + o, and `tfqnoise.export.rounding` leaves the o out of the file again.

Hard-swishes get an output range, some thousandths off that of training, with which LiteRT's kernels turn every code
into the nearest one (`tfqnoise.compression.quantization.hard_swish`).
"""

from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot

from tfqnoise.backend import keras, tf
from tfqnoise.compression.quantization import hard_swish
from tfqnoise.compression.quantization.qat import output_quantizer

# Stretched ranges that are tried for a hard-swish; every third does.
_STRETCHED = tuple(1 + sign * step / 4000 for step in range(1, 21) for sign in (1, -1))
_Wrapper = tfmot.quantization.keras.QuantizeWrapperV2


def settle(network: Any, storage: str = "narrowest") -> None:
    """Puts a network into the state in which it is exported; doing it twice changes nothing more.

    Args:
        network: a network of `tfqnoise.compression.quantization.qat`; a plain one stays as it is.
        storage: of the weights in the file, see `tfqnoise.export.export`: which of them are packed depends on it.
    """
    for product, source, _ in hard_swish.found(network):
        before, behind = _quantizer(source), _quantizer(product)
        if before is not None and behind is not None:
            _stretch(*before, *behind)
    for wrapper in network.layers:
        if isinstance(wrapper, _Wrapper) and wrapper._weight_vars:
            for weight, quantizer, variables in wrapper._weight_vars:
                quantizer.settle(weight, variables)
            _round_bias(wrapper, storage)


def _quantizer(layer: Any) -> tuple[Any, dict[str, Any]] | None:
    return output_quantizer(layer) if isinstance(layer, _Wrapper) else None


def _stretch(before: Any, source: dict[str, Any], behind: Any, result: dict[str, Any]) -> None:
    """Gives a hard-swish the nearest range with which the kernel's codes are the network's, or nearly so."""
    step, zero = _scale_and_zero(before, source)
    codes = np.arange(-128, 128)
    x = ((codes - zero) * step).astype(np.float32)
    values = tf.constant(x * (np.clip(x + 3, 0, 6) * np.float32(1 / 6)))
    original = {name: variable.numpy() for name, variable in result.items()}

    def wrong(factor: float) -> int:
        for name, variable in result.items():
            variable.assign(original[name])
        behind.stretch(result, factor)
        scale, offset = _scale_and_zero(behind, result)
        wanted = np.round(behind(values, False, result).numpy() / scale) + offset
        return int(np.count_nonzero(hard_swish.kernel(codes, (step, zero), (scale, offset)) != wanted))

    best = 1.0
    if least := wrong(best):
        for factor in _STRETCHED:
            if (count := wrong(factor)) < least:
                best, least = factor, count
            if not least:
                break
        wrong(best)


def _scale_and_zero(quantizer: Any, variables: dict[str, Any]) -> tuple[float, int]:
    """Returns the scale, as the file has it, and the zero point of the int8 tensor that a quantizer stands for."""
    low, high = (np.float32(limit) for limit in quantizer.int8_range(variables))
    scale = (high - low) / np.float32(255)
    return float(scale), round(float(np.clip(-low / scale, 0, 255))) - 128


def _round_bias(wrapper: Any, storage: str) -> None:
    layer, source = wrapper.layer, _scale(_before(wrapper))
    if source is None:
        return
    weight, quantizer, variables = wrapper._weight_vars[0]
    step = quantizer.step(weight, variables).numpy().astype(np.float64)
    unit = source * step
    top = np.abs(np.round(quantizer(weight, False, variables) / step)).max()
    behind = _scale_behind(wrapper) if top <= _packed_top(layer, storage) else None
    bias = np.zeros(1) if layer.bias is None else layer.bias.numpy().astype(np.float64)
    norm = _batch_norm_behind(wrapper)
    if norm is None:
        if layer.bias is not None:
            layer.bias.assign(_rounded(bias, unit, behind))
        return
    # Folded, the batch norm's y = g (x - mean) + beta multiplies kernel and unit by g.
    variance = norm.moving_variance.numpy().astype(np.float64)
    gain = (norm.gamma.numpy() if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
    offset = (bias - norm.moving_mean.numpy()) * gain
    if norm.center:
        norm.beta.assign(_rounded(offset + norm.beta.numpy(), unit * np.abs(gain), behind) - offset)


def _rounded(values: np.ndarray, unit: np.ndarray, scale_behind: float | None) -> np.ndarray:
    """Returns values as multiples of their unit, + o units where the output of the given scale is rounded twice.

    A unit of 0 (a batch norm's scale of 0) leaves its value alone.
    """
    safe = np.where(unit > 0, unit, 1)
    more = np.zeros_like(safe)
    if scale_behind:
        mantissa, exponent = np.frexp(safe / scale_behind)
        more = np.where(exponent < 0, 0.5 / mantissa, 0.0)
    return np.where(unit > 0, (np.round(values / safe - more) + more) * safe, values)


def _packed_top(layer: Any, storage: str) -> int:
    """Returns the largest integer of weights that a packed type holds which built-in kernels execute; -1 if none."""
    if storage == "int8":
        return -1
    if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
        return 7
    if isinstance(layer, keras.layers.Dense):
        # XNNPACK takes INT4 dense layers with an even number of inputs.
        return 7 if layer.kernel.shape[0] % 2 else 1 if storage == "narrowest" else -1
    return -1


def _scale_behind(wrapper: Any) -> float | None:
    """Returns the scale into which a layer's accumulators are turned: of its output, or what is fused behind it."""
    output = output_quantizer(wrapper)
    if output is not None:
        return output[0].scale(output[1])
    following = [node.outbound_layer for node in wrapper.outbound_nodes]
    return _scale_behind(following[0]) if len(following) == 1 and isinstance(following[0], _Wrapper) else None


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
