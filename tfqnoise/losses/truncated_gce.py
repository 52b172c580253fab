"""Truncated generalised cross-entropy."""

import dataclasses
import math
from typing import Any, ClassVar

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses import register


def truncated_gce(labels: Any, logits: Any, q: float, k: float, truncated: Any = True) -> Any:
    """L = sum_c y_c l(p_c), l(p) = (1 - p^q) / q where p > k and the constant (1 - k^q) / q where not.

    Args:
        labels: as in `tfqnoise.losses`.
        logits: as in `tfqnoise.losses`.
        q: the exponent, in (0, 1].
        k: the probability at or below which an example gives no gradient.
        truncated: bool, or bool tensor []; false for the plain loss.
    """
    log_p = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    plain = -tf.math.expm1(q * log_p) / q
    pruned = tf.logical_and(log_p <= math.log(k), truncated)
    return tf.reduce_sum(labels * tf.where(pruned, (1 - k**q) / q, plain), axis=-1)


@register(reference="Zhang and Sabuncu, NeurIPS 2018 (arXiv 1805.07836), the truncated L_q loss")
@dataclasses.dataclass(frozen=True)
class TruncatedGCE:
    """Generalised cross-entropy that stops learning where p_y <= k: L = (1 - max(p_y, k)^q) / q.

    The paper decides once an epoch, over the whole training set, which examples are pruned. A loss has no
    memory, so this one decides at each step with the p_y of that step: an example whose label becomes likely
    counts again at once.

    Args:
        q: in (0, 1], as for gce.
        k: in (0, 1), the probability of the given label at or below which a picture gives no gradient.
        start: in [0, 1], the share of the run that is trained with the plain loss first; the paper prunes
            from epoch 40 of 120.
    """

    q: float = 0.7
    k: float = 0.5
    start: float = 1 / 3

    scheduled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (0 < self.q <= 1 and 0 < self.k < 1 and 0 <= self.start <= 1):
            raise UsageError(
                f"truncated_gce with q = {self.q}, k = {self.k}, start = {self.start}",
                "q in (0, 1], k in (0, 1), start in [0, 1]",
                "use q = 0.7, k = 0.5, start = 0.333, the paper's values",
            )

    def __call__(self, labels: Any, logits: Any, passed: Any = 1.0) -> Any:
        return truncated_gce(labels, logits, self.q, self.k, tf.cast(passed, tf.float32) >= self.start)
