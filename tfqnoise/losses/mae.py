"""Mean absolute error."""

import dataclasses
from typing import Any

from tfqnoise.losses import register
from tfqnoise.losses.gce import gce


def mae(labels: Any, logits: Any) -> Any:
    """L = sum_k y_k (1 - p_k) with p = softmax(logits). Shapes as in `tfqnoise.losses`."""
    return gce(labels, logits, 1.0)


@register(reference="Ghosh, Kumar and Sastry, AAAI 2017 (arXiv 1712.09482)")
@dataclasses.dataclass(frozen=True)
class MAE:
    """Mean absolute error, L = 1 - p_y: symmetric, so uniform noise doesn't move its minimum; slow to learn.

    It is half of the paper's sum_k |y_k - p_k| = 2 (1 - p_y), the form in which later papers weigh it.
    """

    def __call__(self, labels: Any, logits: Any) -> Any:
        return mae(labels, logits)
