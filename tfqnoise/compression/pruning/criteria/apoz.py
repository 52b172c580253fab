"""Channels that are mostly zero behind their ReLU matter least."""

import dataclasses

import numpy as np

from tfqnoise.compression.pruning.channels import uses
from tfqnoise.compression.pruning.criteria import Criterion, Evidence, register
from tfqnoise.compression.pruning.responses import mean_over_layers, outputs, per_unit
from tfqnoise.compression.quantization.qat import is_relu


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
            if is_relu(layer) and np.isin(channels.outputs[layer.name], group.units).any()
        ]
        if not layers:
            return None
        places = [(layer, node.outputs) for layer in layers for node in uses(evidence.network, layer)]
        values = outputs(evidence.network, [tensor for _, tensor in places], evidence.pictures)
        rows = [
            per_unit(channels.outputs[layer.name], group, np.mean(value != 0, axis=tuple(range(value.ndim - 1))))
            for (layer, _), value in zip(places, values, strict=True)
        ]
        return mean_over_layers(rows)
