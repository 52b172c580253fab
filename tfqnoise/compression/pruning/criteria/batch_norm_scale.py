"""Channels that batch norm scales down matter least."""

import dataclasses

import numpy as np

from tfqnoise.backend import keras
from tfqnoise.compression.pruning.criteria import Criterion, Evidence, register
from tfqnoise.compression.pruning.responses import mean_over_layers, per_unit


@register(reference="Liu et al., ICCV 2017 (arXiv 1708.06519), section 3")
@dataclasses.dataclass(frozen=True)
class BatchNormScale(Criterion):
    """The absolute scale |gamma| of the batch norm behind a filter; of several batch norms the mean.

    The published method also draws scales to zero while it trains, which isn't done here.
    """

    def importance(self, evidence: Evidence) -> np.ndarray | None:
        rows = [
            per_unit(evidence.channels.outputs[layer.name], evidence.group, np.abs(layer.gamma.numpy()))
            for layer in evidence.network.layers
            if isinstance(layer, keras.layers.BatchNormalization) and layer.scale
        ]
        return mean_over_layers(rows)
