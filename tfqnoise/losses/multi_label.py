"""What losses of multi-label tasks share: masking, the mean over labels, weights of labels.

A multi-label loss is called with

    labels: float [B, L], 1 = present, 0 = absent, in between for soft labels, negative = unknown
    logits: float [B, L], of independent probabilities p = sigmoid(logits)

An unknown label adds neither value nor gradient, whatever its logit. The loss of a picture, float32 [B], is

    sum over known labels l of w_l e_l / number of known labels, and 0 where none is known

with the label's own loss e_l and weights w_l, 1 by default. The divisor has no weights in it, or a picture with
one known label would count the same whether this label is rare or common.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError


class MultiLabel:
    """Base of multi-label losses: a subclass gives `elementwise`."""

    task: ClassVar[str] = "multi"

    def elementwise(self, labels: Any, logits: Any) -> Any:
        """Returns the loss of each label, float32 [B, L].

        Args:
            labels: float32 [B, L] in [0, 1].
            logits: float32 [B, L].
        """
        raise NotImplementedError

    def __call__(self, labels: Any, logits: Any) -> Any:
        return mean_of_known(self, labels, logits, 1.0)

    def weighted(self, weights: Sequence[float] | np.ndarray) -> "Weighted":
        """Returns this loss with weights for the labels.

        Args:
            weights: L numbers of at least 0, such as 1 / (rate at which the label is present) divided by
                their mean.

        Raises:
            UsageError: for other weights, or when called with logits of another number of labels.
        """
        return Weighted(self, tuple(float(weight) for weight in weights))


@dataclasses.dataclass(frozen=True)
class Weighted:
    """A multi-label loss with weights for its labels. The weights come from data, so it has no name of its own."""

    loss: MultiLabel
    weights: tuple[float, ...]

    task: ClassVar[str] = "multi"

    def __post_init__(self) -> None:
        values = np.array(self.weights)
        if not (np.isfinite(values).all() and (values >= 0).all() and values.any()):
            raise UsageError(
                f"label weights {self.weights}",
                "finite numbers of at least 0, not all 0",
                "give a label that is never present the weight of the rarest one that is",
            )

    def __call__(self, labels: Any, logits: Any) -> Any:
        if logits.shape[-1] != len(self.weights):
            raise UsageError(
                f"{len(self.weights)} label weights for a network of {logits.shape[-1]} labels",
                "one weight for each label",
                "compute the weights from the data set that is trained on",
            )
        return mean_of_known(self.loss, labels, logits, tf.constant(self.weights, tf.float32))


def mean_of_known(loss: MultiLabel, labels: Any, logits: Any, weights: Any) -> Any:
    """Returns the loss of each picture as the module says, float32 [B].

    Args:
        loss: gives the loss of each label.
        labels: float [B, L].
        logits: float [B, L].
        weights: float32 [L], or a number.
    """
    labels, logits = tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
    known = labels >= 0
    # The logits are replaced before anything is computed from them: masking the loss alone would let the
    # gradient of an infinite one through as 0 * inf.
    losses = loss.elementwise(tf.where(known, labels, 0.0), tf.where(known, logits, 0.0))
    total = tf.reduce_sum(tf.where(known, weights * losses, 0.0), axis=-1)
    return total / tf.maximum(tf.reduce_sum(tf.cast(known, tf.float32), axis=-1), 1.0)
