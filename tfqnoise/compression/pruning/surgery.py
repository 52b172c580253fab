"""Removing filters: from a network to a plain smaller one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfqnoise.backend import keras
from tfqnoise.compression.pruning.channels import Channels, makes_channels, trace

_layers = keras.layers
# Axes of a weight along which it has the channels that its layer takes and gives.
_TAKEN = {"kernel": -2, "depthwise_kernel": -2}
_GIVEN = {"kernel": -1}


def without(network: Any, channels: Channels, removed: np.ndarray) -> Any:
    """Returns a smaller copy of a network, without some units and with the weights of the others.

    It computes what the network would with the weights that read a removed unit at zero. Without a removed unit it is
    the same bit for bit.

    Args:
        network: a flat functional model.
        channels: of this network.
        removed: units of its groups.
    """

    def kept(units: np.ndarray) -> np.ndarray:
        return ~np.isin(units, removed)

    def smaller(layer: Any) -> Any:
        config, count = layer.get_config(), int(kept(channels.outputs[layer.name]).sum())
        if makes_channels(layer):
            config["units" if isinstance(layer, _layers.Dense) else "filters"] = count
        elif isinstance(layer, _layers.Reshape):
            config["target_shape"] = (*layer.target_shape[:-1], count)
        return type(layer).from_config(config)

    result = keras.models.clone_model(network, clone_function=smaller)
    for layer in network.layers:
        if layer.weights:
            taken, given = kept(channels.inputs[layer.name]), kept(channels.outputs[layer.name])
            values = layer.get_weights()
            # Of a layer whose weights aren't known here, every channel is there.
            if not (taken.all() and given.all()):
                names = [v.name.split("/")[-1].split(":")[0] for v in layer.weights]
                values = [_part(*pair, taken, given) for pair in zip(names, values, strict=True)]
            result.get_layer(layer.name).set_weights(values)
    return result


def rebuilt(network: Any, filters: Mapping[str, np.ndarray]) -> Any:
    """Returns the smaller network that has only some filters of each layer.

    Args:
        network: the whole one.
        filters: by layer, numbers of the filters that are left; all of layers that aren't named.
    """
    channels = trace(network)
    gone = [np.delete(channels.outputs[name], kept) for name, kept in filters.items()]
    return without(network, channels, np.unique(np.concatenate(gone))) if gone else network


def _part(name: str, value: np.ndarray, taken: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Returns what is left of a weight."""
    if name in _TAKEN:
        value = np.compress(taken, value, _TAKEN[name])
        return np.compress(given, value, _GIVEN[name]) if name in _GIVEN else value
    # Of others, such as biases and batch norms, each value belongs to a channel; but slopes may be shared.
    return np.compress(given, value, -1) if value.shape[-1:] == given.shape else value
