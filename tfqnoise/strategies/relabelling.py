"""What a label probably is, from a prediction and the given label."""

from typing import Any

import numpy as np

from tfqnoise.backend import tf

# Of the pictures of each predicted class the surest tenth counts, and 20 more as if they knew the overall rate alone.
_SUREST, _LEAST, _PRIOR = 0.1, 20, 20.0


def estimated(predictions: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Returns the transition matrix T that predictions and given labels lead to.

    T_ky is the share of label y among the tenth of the pictures predicted as k for which p_k is largest: these are
    right nearly always, so what their labels say otherwise is the labels' error and not the network's. (Over all
    pictures the network's errors would count too; and shares of p instead of counts would explain a network that has
    learnt the noise by T = I.) Rows are drawn a little towards a T with the same errors for all classes.

    Args:
        predictions: [N, C], p, of a network that doesn't know the labels of these pictures by heart.
        given: integers [N].

    Returns:
        float32 [C, C], row = true class, column = given label, rows summing to 1.

    Reference: the idea of anchor points is Patrini et al.'s (CVPR 2017, arXiv 1609.03683, section 4.1), who take the
    prediction for one picture a class.
    """
    classes = predictions.shape[1]
    likeliest = predictions.argmax(axis=1)
    counts = np.zeros((classes, classes))
    for k in range(classes):
        rows = np.flatnonzero(likeliest == k)
        order = rows[np.argsort(-predictions[rows, k], kind="stable")]
        surest = order[: max(_LEAST, round(_SUREST * len(rows)))]
        counts[k] = np.bincount(given[surest], minlength=classes)
    right = float(counts.trace() / max(counts.sum(), 1))
    same = np.where(np.eye(classes, dtype=bool), right, (1 - right) / max(classes - 1, 1))
    smoothed = counts + _PRIOR * same + 1e-3
    return (smoothed / smoothed.sum(axis=1, keepdims=True)).astype(np.float32)


def posterior(predictions: Any, labels: Any, transition: Any, temperature: float) -> Any:
    """Returns q ~ p^(1 / temperature) T_ky, float32 [B, C].

    Where few labels are wrong T is nearly the identity and the given label wins; where many are, a clear prediction
    does. A network that has learnt wrong labels spreads its predictions over them, so they are sharpened.

    Args:
        predictions: float32 [B, C], p.
        labels: float32 [B, C], one-hot given labels.
        transition: float32 [C, C], T.
        temperature: below 1 it sharpens.
    """
    likelihood = tf.maximum(tf.matmul(labels, transition, transpose_b=True), 1e-8)
    log = tf.math.log(tf.maximum(predictions, 1e-8)) / temperature + tf.math.log(likelihood)
    return tf.nn.softmax(log)


def wrong_share(posteriors: np.ndarray, given: np.ndarray) -> float:
    """Returns the estimated share of wrong labels, the mean of 1 - q_y."""
    return float(1 - np.take_along_axis(posteriors, given[:, None], axis=1).mean())
