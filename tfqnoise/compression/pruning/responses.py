"""What layers give out and take in, over some pictures."""

import math
from typing import Any

import numpy as np

from tfqnoise.backend import keras
from tfqnoise.compression.pruning.channels import Channels, Group, uses

# Random places of each picture at which a consumer's response is looked at, as in ThiNet.
_PLACES = 10


def outputs(network: Any, tensors: list[Any], pictures: np.ndarray) -> list[np.ndarray]:
    """Returns what some tensors of a network are for pictures [N, H, W, C] in [0, 1]."""
    part = keras.Model(network.input, tensors)
    found = part(pictures, training=False)
    return [value.numpy() for value in (found if isinstance(found, list | tuple) else [found])]


def per_unit(channels: np.ndarray, group: Group, values: np.ndarray) -> np.ndarray:
    """Returns the mean over those channels that are a unit, float64 [units]; NaN where none is.

    Args:
        channels: the units of a layer's channels.
        group: the units wanted.
        values: a number for each channel.
    """
    found = [values[channels == unit] for unit in group.units]
    return np.array([each.mean() if len(each) else np.nan for each in found], np.float64)


def mean_over_layers(rows: list[np.ndarray]) -> np.ndarray | None:
    """Returns the mean of `per_unit` over layers; None if some unit is in none of them."""
    table = np.array(rows, np.float64)
    if not rows or np.isnan(table).all(axis=0).any():
        return None
    return np.asarray(np.nanmean(table, axis=0))


def contributions(
    network: Any, channels: Channels, group: Group, pictures: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Returns what each unit adds to sampled responses of the layers that read it.

    A response is one number that a filter gives at one place of one picture, without its bias; `_PLACES` filters and
    places of each picture are drawn.

    Returns:
        By layer, float64 [pictures x places, units], with as many more rows for each further use of the layer; each
        layer's responses have a root mean square of 1.
    """
    layers = channels.consumers(group.units, network)
    random = np.random.default_rng([seed, len(network.layers), int(group.units[0])])
    inputs = [[node.input_tensors for node in uses(network, layer)] for layer in layers]
    values = iter(outputs(network, [tensor for each in inputs for tensor in each], pictures) if layers else [])
    found = {}
    for layer, each in zip(layers, inputs, strict=True):
        rows = np.concatenate([_sampled(layer, next(values), random) for _ in each])
        taken = channels.inputs[layer.name]
        table = np.stack([rows[:, taken == unit].sum(axis=1) for unit in group.units], axis=1)
        # Layers count the same, however large their responses are.
        size = float(np.sqrt(np.mean(rows.sum(axis=1) ** 2)))
        found[layer.name] = table / (size or 1.0)
    return found


def _sampled(layer: Any, value: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Returns the products of sampled filters with their patches, summed over the patch: [rows, channels]."""
    kernel = layer.kernel.numpy()
    number = np.repeat(np.arange(len(value)), _PLACES)
    filters = random.integers(0, kernel.shape[-1], len(number))
    if kernel.ndim == 2:
        places = tuple(random.integers(0, size, len(number)) for size in value.shape[1:-1])
        return np.asarray(value[(number, *places)] * kernel.T[filters], np.float64)
    (high, wide), strides, dilation = kernel.shape[:2], layer.strides, layer.dilation_rate
    margins, positions = [(0, 0)], []
    for axis, extent in enumerate((high, wide)):
        reach = (extent - 1) * dilation[axis]
        size, stride = value.shape[1 + axis], strides[axis]
        same = layer.padding == "same"
        count = math.ceil(size / stride) if same else (size - reach - 1) // stride + 1
        margin = max(0, (count - 1) * stride + reach + 1 - size) if same else 0
        margins.append((margin // 2, margin - margin // 2))
        positions.append(random.integers(0, count, len(number)) * stride)
    padded = np.pad(value, [*margins, (0, 0)])
    down = positions[0][:, None, None] + (np.arange(high) * dilation[0])[:, None]
    right = positions[1][:, None, None] + np.arange(wide) * dilation[1]
    patches = padded[number[:, None, None], down, right]
    return np.asarray(np.einsum("rhwc,hwcr->rc", patches, kernel[..., filters]), np.float64)
