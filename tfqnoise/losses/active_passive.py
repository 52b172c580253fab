"""What active-passive losses and symmetric cross-entropy are made of; shapes as in `tfqnoise.losses`.

An active loss raises the probability of the given label, a passive one lowers the others. With C classes,
a loss whose sum over all labels is constant is robust to uniform noise: those here are normalised to 1, or
are a multiple of the mean absolute error.

Reference: Ma et al., ICML 2020 (arXiv 2006.13554).
"""

import math
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses.focal import terms
from tfqnoise.losses.mae import mae


def _normalised(labels: Any, losses: Any) -> Any:
    # At most one class has p = 1 and a loss of 0, so the sum over classes is never 0.
    return tf.reduce_sum(labels * losses, axis=-1) / tf.reduce_sum(losses, axis=-1)


def normalised_cross_entropy(labels: Any, logits: Any) -> Any:
    """L = sum_k y_k log p_k / sum_j log p_j, in [0, 1]."""
    return _normalised(labels, -tf.nn.log_softmax(tf.cast(logits, tf.float32)))


def normalised_focal(labels: Any, logits: Any, gamma: float) -> Any:
    """L = sum_k y_k f_k / sum_j f_j with f_k = -(1 - p_k)^gamma log p_k, in [0, 1].

    The gradient is that of the formula; the authors' code lets none through (1 - p)^gamma.
    """
    return _normalised(labels, terms(tf.nn.log_softmax(tf.cast(logits, tf.float32)), gamma))


def reverse_cross_entropy(labels: Any, logits: Any, floor: float) -> Any:
    """L = -A sum_k y_k (1 - p_k) with A = log floor.

    That is -sum_j p_j log y_j with A for log 0 where y is one-hot; for soft labels it is its mean over them.
    """
    return -math.log(floor) * mae(labels, logits)


def check(name: str, alpha: float, beta: float, **further: float) -> None:
    """Refuses weights below 0 or both 0, `floor` outside (0, 1) and `gamma` below 0.

    Raises:
        UsageError: naming the loss and all its settings.
    """
    weighed = 0 <= alpha < math.inf and 0 <= beta < math.inf and alpha + beta > 0
    if weighed and 0 < further.get("floor", 0.5) < 1 and 0 <= further.get("gamma", 0) < math.inf:
        return
    settings = {"alpha": alpha, "beta": beta, **further}
    limits = {"floor": "floor in (0, 1)", "gamma": "gamma of at least 0"}
    raise UsageError(
        f"{name} with " + ", ".join(f"{setting} = {value}" for setting, value in settings.items()),
        ", ".join(["alpha and beta of at least 0, not both 0", *(limits[setting] for setting in further)]),
        "leave them out for the values of the paper, which `tfqnoise list losses` shows",
    )
