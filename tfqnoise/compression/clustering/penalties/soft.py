"""To all centroids, the near ones most."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.compression.clustering.penalties import Penalty, blockwise, register
from tfqnoise.errors import UsageError


@register(reference="the attention of DKM (Cho et al., ICLR 2022, arXiv 2108.12659) in a penalty")
@dataclasses.dataclass(frozen=True)
class Soft(Penalty):
    """Half the squared distances to all centroids, weighted by a softmax of nearness.

    R = 1/2 sum_i sum_k a_ik (w_i - c_k)^2,  a_i = softmax_k(-(w_i - c_k)^2 / tau)

    tau = temperature x (mean distance of neighbouring centroids)^2, so that it is in proportion to the kernel.

    Args:
        temperature: towards 0 it becomes `hard`.
    """

    temperature: float = 0.05

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise UsageError(f"penalty 'soft' with temperature = {self.temperature}", "a positive number", "try 0.05")

    def __call__(self, weights: Any, centroids: Any, variables: dict[str, Any]) -> Any:
        span = tf.stop_gradient(tf.reduce_max(centroids) - tf.reduce_min(centroids))
        tau = tf.maximum(self.temperature * (span / (centroids.shape[0] - 1)) ** 2, 1e-12)

        def each(weights: Any, centroids: Any, tau: Any) -> Any:
            squares = (weights[:, None] - centroids) ** 2
            return tf.reduce_sum(tf.nn.softmax(-squares / tau) * squares, 1) / 2

        return blockwise(each, weights, centroids, tau)
