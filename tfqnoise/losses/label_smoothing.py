"""Label smoothing, positive and negative."""

import dataclasses
import math
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses import register
from tfqnoise.losses.cross_entropy import cross_entropy


def label_smoothing(labels: Any, logits: Any, smoothing: float) -> Any:
    """L = -sum_k ((1 - e) y_k + e / C) log p_k with e = smoothing. Shapes as in `tfqnoise.losses`."""
    return cross_entropy((1 - smoothing) * labels + smoothing / tf.cast(tf.shape(logits)[-1], tf.float32), logits)


@register(
    reference="Szegedy et al., CVPR 2016 (arXiv 1512.00567); negative: Wei et al., ICML 2022 (arXiv 2106.04149)"
)
@dataclasses.dataclass(frozen=True)
class LabelSmoothing:
    """Cross-entropy with smoothed labels, L = -sum_k ((1 - e) y_k + e / C) log p_k.

    Args:
        smoothing: e, finite and below 1. A negative one, for high noise rates, moves the labels away from
            the uniform distribution; the loss then has no lower bound.
    """

    smoothing: float = 0.1

    def __post_init__(self) -> None:
        if not -math.inf < self.smoothing < 1:
            raise UsageError(
                f"label_smoothing with smoothing = {self.smoothing}",
                "smoothing below 1, which would leave nothing of the labels",
                "use smoothing = 0.1, or a negative one for high noise rates",
            )

    def __call__(self, labels: Any, logits: Any) -> Any:
        return label_smoothing(labels, logits, self.smoothing)
