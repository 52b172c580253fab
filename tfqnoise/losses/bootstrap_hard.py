"""Hard bootstrapping."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.losses import register
from tfqnoise.losses.bootstrap_soft import check_beta
from tfqnoise.losses.cross_entropy import cross_entropy


def bootstrap_hard(labels: Any, logits: Any, beta: float) -> Any:
    """L = -sum_k (beta y_k + (1 - beta) z_k) log p_k, z = one-hot(argmax p). Shapes as in `tfqnoise.losses`.

    z is constant between two changes of the winning class, so it has no gradient, in the paper as here.
    """
    best = tf.one_hot(tf.argmax(logits, axis=-1), tf.shape(logits)[-1])
    return cross_entropy(beta * labels + (1 - beta) * best, logits)


@register(reference="Reed et al., ICLR 2015 workshop (arXiv 1412.6596)")
@dataclasses.dataclass(frozen=True)
class BootstrapHard:
    """Hard bootstrapping, L = -beta log p_y - (1 - beta) max_k log p_k: the network's best guess counts too.

    Args:
        beta: in (0, 1], the weight of the given label; 1 is cross-entropy.
    """

    beta: float = 0.8

    def __post_init__(self) -> None:
        check_beta("bootstrap_hard", self.beta)

    def __call__(self, labels: Any, logits: Any) -> Any:
        return bootstrap_hard(labels, logits, self.beta)
