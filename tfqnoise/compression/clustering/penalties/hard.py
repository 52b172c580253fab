"""To the nearest centroid."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.compression.clustering.penalties import Penalty, nearest, register


@register(reference="k-means' objective; compare Wu et al., ICML 2018 (arXiv 1806.09228)")
@dataclasses.dataclass(frozen=True)
class Hard(Penalty):
    """Half the squared distance to the nearest centroid.

    R = 1/2 sum_i min_k (w_i - c_k)^2,  dR/dw_i = w_i - c_k(i),  dR/dc_k = -sum_{i in k} (w_i - c_k)

    Each centroid is thus drawn to the mean of its weights, a step of k-means.
    """

    def __call__(self, weights: Any, centroids: Any, variables: dict[str, Any]) -> Any:
        return _to_nearest(weights, tf.sort(centroids))


@tf.custom_gradient
def _to_nearest(weights: Any, centroids: Any) -> Any:
    index = nearest(weights, centroids)
    distance = weights - tf.gather(centroids, index)
    # Taken now, so that only the distances are kept for the way back.
    by_centroid = tf.math.unsorted_segment_sum(distance, index, centroids.shape[0])

    def gradient(upstream: Any) -> Any:
        return upstream * distance, -upstream * by_centroid

    return tf.reduce_sum(distance**2) / 2, gradient
