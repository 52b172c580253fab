"""Evenly spread centroids."""

import numpy as np

from tfqnoise.compression.clustering.initialisations import register


@register(reference="Han et al., ICLR 2016 (arXiv 1510.00149), section 3.2")
def linear(weights: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Evenly from the smallest weight to the largest; large weights, though few, keep centroids near them.

    Args:
        weights: float32 [N].
        clusters: how many centroids.
        seed: not used.
    """
    return np.linspace(weights.min(), weights.max(), clusters, dtype=np.float32)
