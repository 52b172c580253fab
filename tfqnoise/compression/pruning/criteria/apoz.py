"""Channels that are mostly zero behind their ReLU matter least."""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.backend import keras
from tfqnoise.compression.pruning.criteria import Criterion, Evidence, register
from tfqnoise.compression.pruning.responses import mean_over_layers, outputs, per_unit


@register(reference="Hu et al., 2016 (arXiv 1607.03250), equation 1")
@dataclasses.dataclass(frozen=True)
class Apoz(Criterion):
    """One minus the average percentage of zeros of a channel behind ReLU, over pictures and places.

    APoZ_c = (1 / (N M)) sum over N pictures and M places of 1(O_c = 0). Of several ReLUs the mean counts. A group
    behind which there is no ReLU can't be judged.
    """

    def importance(self, evidence: Evidence) -> np.ndarray | None:
        group, channels = evidence.group, evidence.channels
        layers = [
            layer
            for layer in evidence.network.layers
            if _cuts_off(layer) and np.isin(channels.outputs[layer.name], group.units).any()
        ]
        if not layers:
            return None
        values = outputs(evidence.network, [layer.output for layer in layers], evidence.pictures)
        rows = [
            per_unit(channels.outputs[layer.name], group, np.mean(value != 0, axis=tuple(range(value.ndim - 1))))
            for layer, value in zip(layers, values, strict=True)
        ]
        return mean_over_layers(rows)


def _cuts_off(layer: Any) -> bool:
    if isinstance(layer, keras.layers.ReLU):
        return not layer.negative_slope
    return getattr(layer, "activation", None) is keras.activations.relu
