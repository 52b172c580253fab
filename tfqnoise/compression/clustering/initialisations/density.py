"""Centroids that serve equally many weights."""

import numpy as np

from tfqnoise.compression.clustering.initialisations import register


@register(reference="Han et al., ICLR 2016 (arXiv 1510.00149), section 3.2")
def density(weights: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """The weights' quantiles at (k + 1/2) / clusters: each centroid serves equally many of them.

    Args:
        weights: float32 [N].
        clusters: how many centroids.
        seed: not used.
    """
    return np.quantile(weights, (np.arange(clusters) + 0.5) / clusters).astype(np.float32)
