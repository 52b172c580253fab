"""Centroids by k-means."""

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from tfqnoise.compression.clustering.initialisations import register

# A kernel's distribution is well known from as many weights.
_SAMPLE = 20_000


@register(reference="Arthur and Vassilvitskii, SODA 2007; scikit-learn's KMeans")
def kmeans_plus_plus(weights: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """K-means from a k-means++ start, on at most 20,000 weights drawn from the kernel.

    Args:
        weights: float32 [N].
        clusters: how many centroids.
        seed: of the start and the draw.
    """
    if len(weights) > _SAMPLE:
        weights = np.random.default_rng(seed).choice(weights, _SAMPLE, replace=False)
    with warnings.catch_warnings():
        # Fewer distinct weights than clusters: said in this family's contract.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(clusters, n_init=1, random_state=seed).fit(weights.reshape(-1, 1))
    return np.sort(found.cluster_centers_.ravel()).astype(np.float32)
