"""Soft bootstrapping."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses import register


def check_beta(name: str, beta: float) -> None:
    """Raises UsageError unless `beta` is in (0, 1]; at 0 no label would count."""
    if not 0 < beta <= 1:
        raise UsageError(
            f"{name} with beta = {beta}", "beta in (0, 1]", "leave it out for the paper's value, or use 1 for none"
        )


def bootstrap_soft(labels: Any, logits: Any, beta: float) -> Any:
    """L = -sum_k (beta y_k + (1 - beta) p_k) log p_k. Shapes as in `tfqnoise.losses`.

    The gradient passes through both p, as in the paper, which reads the second part as minimum-entropy
    regularisation.
    """
    log_p = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    return -tf.reduce_sum((beta * labels + (1 - beta) * tf.exp(log_p)) * log_p, axis=-1)


@register(reference="Reed et al., ICLR 2015 workshop (arXiv 1412.6596)")
@dataclasses.dataclass(frozen=True)
class BootstrapSoft:
    """Soft bootstrapping, L = -sum_k (beta y_k + (1 - beta) p_k) log p_k: the network's belief counts too.

    Args:
        beta: in (0, 1], the weight of the given label; 1 is cross-entropy.
    """

    beta: float = 0.95

    def __post_init__(self) -> None:
        check_beta("bootstrap_soft", self.beta)

    def __call__(self, labels: Any, logits: Any) -> Any:
        return bootstrap_soft(labels, logits, self.beta)
