"""Binary cross-entropy."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.losses import register
from tfqnoise.losses.multi_label import MultiLabel


def binary_cross_entropy(labels: Any, logits: Any) -> Any:
    """e = -y log p - (1 - y) log (1 - p) with p = sigmoid(logits), float32 [B, L]."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)


@register(reference="the maximum-likelihood loss of independent binary labels")
@dataclasses.dataclass(frozen=True)
class BinaryCrossEntropy(MultiLabel):
    """Multi-label: binary cross-entropy, e = -y log p - (1 - y) log (1 - p), the mean over known labels."""

    def elementwise(self, labels: Any, logits: Any) -> Any:
        return binary_cross_entropy(labels, logits)
