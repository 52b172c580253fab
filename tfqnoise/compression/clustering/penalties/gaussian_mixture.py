"""Soft weight sharing."""

import dataclasses
import math
from typing import Any

from tfqnoise.backend import keras, tf
from tfqnoise.compression.clustering.penalties import Penalty, blockwise, register
from tfqnoise.errors import UsageError


@register(reference="Nowlan and Hinton, Neural Computation 1992; Ullrich et al., ICLR 2017 (arXiv 1702.04008)")
@dataclasses.dataclass(frozen=True)
class GaussianMixture(Penalty):
    """Negative log-likelihood of the weights under a mixture of Gaussians whose means are the centroids.

    R = s^2 sum_i -log sum_k pi_k N(w_i | c_k, 1 / p_k)

    Mixing pi and precisions p are trained too. s^2, the mean variance held fixed in the gradient, gives R the scale
    of half a squared distance. In the place of the papers' gamma prior a floor keeps components from collapsing.

    Args:
        narrowest: smallest standard deviation, in units of the mean distance of neighbouring centroids.
    """

    narrowest: float = 0.05

    def __post_init__(self) -> None:
        if not self.narrowest > 0:
            raise UsageError(
                f"penalty 'gaussian_mixture' with narrowest = {self.narrowest}", "a positive number", "try 0.05"
            )

    def build(self, layer: Any, clusters: int) -> dict[str, Any]:
        zeros = keras.initializers.Zeros()
        return {
            name: layer.add_weight(name, shape=(clusters,), initializer=zeros)
            for name in ("log_precision", "log_mixing")
        }

    def start(self, centroids: Any, variables: dict[str, Any]) -> None:
        # Standard deviations of a quarter of the distance to the next centroid.
        variables["log_precision"].assign(tf.fill(centroids.shape, -2 * tf.math.log(_spacing(centroids) / 4)))
        variables["log_mixing"].assign(tf.zeros(centroids.shape))

    def __call__(self, weights: Any, centroids: Any, variables: dict[str, Any]) -> Any:
        highest = -2 * tf.math.log(self.narrowest * _spacing(centroids))
        log_precision = _at_most(tf.convert_to_tensor(variables["log_precision"]), highest)
        log_mixing = tf.nn.log_softmax(variables["log_mixing"])
        variance = tf.stop_gradient(tf.reduce_mean(tf.exp(-log_precision)))

        def each(weights: Any, centroids: Any, log_precision: Any, log_mixing: Any) -> Any:
            squares = (weights[:, None] - centroids) ** 2
            log_density = (log_precision - math.log(2 * math.pi) - tf.exp(log_precision) * squares) / 2
            return -tf.reduce_logsumexp(log_mixing + log_density, 1)

        return variance * blockwise(each, weights, centroids, log_precision, log_mixing)


@tf.custom_gradient
def _at_most(values: Any, highest: Any) -> Any:
    """Returns min(values, highest), with a gradient also where the limit is passed, if it leads back."""
    return tf.minimum(values, highest), lambda upstream: (
        tf.where((values <= highest) | (upstream > 0), upstream, 0.0),
        None,
    )


def _spacing(centroids: Any) -> Any:
    span = tf.reduce_max(centroids) - tf.reduce_min(centroids)
    return tf.stop_gradient(tf.maximum(span / (centroids.shape[0] - 1), 1e-6))
