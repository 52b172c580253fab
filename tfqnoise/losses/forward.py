"""Forward correction."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.losses import register
from tfqnoise.losses.correction import SAMPLE, Correction


def forward(labels: Any, logits: Any, matrix: Any) -> Any:
    """L = -sum_j y_j log sum_i p_i T_ij with p = softmax(logits).

    A label that T says is never given, a column of zeros, adds nothing.

    Args:
        labels: as in `tfqnoise.losses`.
        logits: as in `tfqnoise.losses`.
        matrix: T, [C, C], row = true label, column = given label; array or tensor.
    """
    log_p = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    matrix = tf.cast(matrix, tf.float32)
    # A column of ones has sum_i p_i T_ij = 1: no value, no gradient.
    matrix = tf.where(tf.reduce_any(matrix > 0, axis=0), matrix, 1.0)
    given = tf.exp(log_p) @ matrix
    # Where all p_i that could lead to the label underflow, Jensen's bound on the logarithm takes over. It is
    # finite, pulls the same probabilities up, is exact where T is a permutation, and needs no [B, C, C].
    seen, total = given > 1e-30, tf.reduce_sum(matrix, axis=0)
    bound = log_p @ (matrix / total) + tf.math.log(total)
    return -tf.reduce_sum(labels * tf.where(seen, tf.math.log(tf.where(seen, given, 1.0)), bound), axis=-1)


@register(reference="Patrini et al., CVPR 2017 (arXiv 1609.03683), forward correction", sample=SAMPLE)
@dataclasses.dataclass(frozen=True)
class Forward(Correction):
    """Forward-corrected cross-entropy, L = -log (p T)_y: the network predicts the true, T the given label.

    Args:
        matrix: T, row = true label, column = given label: path of a JSON or CSV file (`tfqnoise.matrix`), or rows.

    Raises:
        UsageError: without a matrix, or when called with logits of another number of classes.
        DataError: if it is no transition matrix.
    """

    def __call__(self, labels: Any, logits: Any) -> Any:
        return forward(labels, logits, self.transition(logits))
