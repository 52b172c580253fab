"""Centroids by k-means."""

import numpy as np
from sklearn.cluster import KMeans

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
    distinct = min(clusters, len(np.unique(weights)))
    found = KMeans(distinct, n_init=1, random_state=seed).fit(weights.reshape(-1, 1))
    centroids = np.sort(found.cluster_centers_.ravel()).astype(np.float32)
    return np.pad(centroids, (0, clusters - distinct), mode="edge")
