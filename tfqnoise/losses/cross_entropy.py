"""Cross-entropy."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.losses import register


def cross_entropy(labels: Any, logits: Any) -> Any:
    """L = -sum_k y_k log p_k with p = softmax(logits). Shapes as in `tfqnoise.losses`."""
    return tf.nn.softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))


@register(reference="the maximum-likelihood loss of a categorical distribution")
@dataclasses.dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy, L = -sum_k y_k log p_k: the baseline, which fits wrong labels in the end."""

    def __call__(self, labels: Any, logits: Any) -> Any:
        return cross_entropy(labels, logits)
