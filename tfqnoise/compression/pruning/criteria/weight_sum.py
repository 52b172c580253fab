"""Filters with small weights matter least."""

import dataclasses

import numpy as np

from tfqnoise.compression.pruning.criteria import Criterion, Evidence, register
from tfqnoise.compression.pruning.responses import mean_over_layers, per_unit


@register(reference="Li et al., ICLR 2017 (arXiv 1608.08710), section 3.1")
@dataclasses.dataclass(frozen=True)
class WeightSum(Criterion):
    """The sum of a filter's absolute weights: s_j = sum over its kernel of |K_j|; of several filters the mean."""

    def importance(self, evidence: Evidence) -> np.ndarray | None:
        rows = []
        for name in evidence.group.layers:
            kernel = evidence.network.get_layer(name).kernel.numpy()
            sums = np.abs(kernel.astype(np.float64)).sum(axis=tuple(range(kernel.ndim - 1)))
            rows.append(per_unit(evidence.channels.outputs[name], evidence.group, sums))
        return mean_over_layers(rows)
