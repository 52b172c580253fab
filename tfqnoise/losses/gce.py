"""Generalised cross-entropy."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses import register


def gce(labels: Any, logits: Any, q: float) -> Any:
    """L = sum_k y_k (1 - p_k^q) / q with p = softmax(logits). Shapes as in `tfqnoise.losses`.

    p^q is computed as exp(q log p), whose gradient stays finite at p = 0 where that of the power does not.
    """
    log_p = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    return -tf.reduce_sum(labels * tf.math.expm1(q * log_p), axis=-1) / q


@register(reference="Zhang and Sabuncu, NeurIPS 2018 (arXiv 1805.07836), equation 6")
@dataclasses.dataclass(frozen=True)
class GCE:
    """Generalised cross-entropy, L = (1 - p_y^q) / q: between cross-entropy (q -> 0) and MAE (q = 1).

    Args:
        q: in (0, 1]; the larger, the less a picture counts whose label the network finds unlikely.
    """

    q: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.q <= 1:
            raise UsageError(f"gce with q = {self.q}", "q in (0, 1]", "use q = 0.7, the paper's value")

    def __call__(self, labels: Any, logits: Any) -> Any:
        return gce(labels, logits, self.q)
