"""Backward correction."""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses import register
from tfqnoise.losses.correction import SAMPLE, Correction
from tfqnoise.losses.cross_entropy import cross_entropy

# Beyond it a label would weigh about a million pictures, and float32 would see nothing else.
_CONDITION = 1e6


def backward(labels: Any, logits: Any, inverse: Any) -> Any:
    """L = -sum_j y_j sum_k (T^-1)_jk log p_k with p = softmax(logits).

    Args:
        labels: as in `tfqnoise.losses`.
        logits: as in `tfqnoise.losses`.
        inverse: T^-1, [C, C], of T with row = true label, column = given label; array or tensor.
    """
    return cross_entropy(labels @ tf.cast(inverse, tf.float32), logits)


@register(reference="Patrini et al., CVPR 2017 (arXiv 1609.03683), backward correction", sample=SAMPLE)
@dataclasses.dataclass(frozen=True)
class Backward(Correction):
    """Backward-corrected cross-entropy, L = -sum_k (T^-1)_yk log p_k: unbiased, of high variance.

    Its mean over the given labels of a picture is the cross-entropy of the true one. T^-1 has negative
    entries, so the loss has no lower bound.

    Args:
        matrix: T, row = true label, column = given label: path of a JSON or CSV file (`tfqnoise.matrix`), or rows.

    Raises:
        UsageError: without a matrix, for one that has no inverse, or when called with logits of another
            number of classes.
        DataError: if it is no transition matrix.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        condition = np.linalg.cond(np.array(self.matrix))
        if not condition <= _CONDITION:
            raise UsageError(
                f"backward with a matrix of condition number {condition:.3g}",
                f"a matrix that can be inverted: at most {_CONDITION:.0e}",
                "use forward, which needs no inverse",
            )

    def __call__(self, labels: Any, logits: Any) -> Any:
        return backward(labels, logits, np.linalg.inv(self.transition(logits)))
