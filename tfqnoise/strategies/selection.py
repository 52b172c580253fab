"""Which labels are probably right, from the losses of their examples, and how many are wrong."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.strategies.table import Table

# The loss of an example that has been in no batch yet: a number that no other has, and finite.
_UNSEEN = float(np.finfo(np.float32).min)


def clean_probability(losses: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns how probably each label is right: the part that a mixture of two Gaussians gives to the lower losses.

    Args:
        losses: float [N], of each example for its given label.
        seed: of the mixture's first guess.

    Returns:
        float64 [N]; all ones where the losses don't differ. A loss that is infinite or not a number has 0 and leaves
        the others' part alone.

    Reference: Li et al., ICLR 2020 (arXiv 2002.07394), section 3.1; fitted for longer than its ten iterations.
    """
    from sklearn.mixture import GaussianMixture

    finite = np.isfinite(losses)
    probability, known = finite.astype(np.float64), np.asarray(losses, np.float64)[finite]
    if len(known) < 2 or np.ptp(known) < 1e-6:
        return probability
    scaled = ((known - known.min()) / np.ptp(known))[:, None]
    mixture = GaussianMixture(2, max_iter=100, tol=1e-3, reg_covar=5e-4, random_state=seed).fit(scaled)
    probability[finite] = mixture.predict_proba(scaled)[:, int(np.argmin(mixture.means_))]
    return probability


class LossTable(tf.Module):
    """The latest loss of each training example, and the share of wrong labels that they lead to.

    Args:
        examples: N.
        rate: the share of wrong labels where it is known; None to estimate it.
        seed: of the run.
        devices: of the replicas, see `tfqnoise.strategies.table`.
    """

    def __init__(self, examples: int, rate: float | None, seed: int, devices: Sequence[str] = ()) -> None:
        super().__init__()
        self._known, self._seed = rate, seed
        self.losses = Table(tf.fill([examples], _UNSEEN), "latest_losses", devices)
        self.estimate = tf.Variable(rate or 0.0, trainable=False, name="noise_rate")

    def note(self, rows: Any, losses: Any) -> None:
        """Keeps the losses [B] of the examples in `rows` [B]."""
        self.losses.update(rows, tf.stop_gradient(losses))

    def begin_epoch(self) -> None:
        """Estimates the rate anew from the latest losses of the examples that have been in a batch."""
        losses = self.losses.value()
        seen = losses[losses != _UNSEEN]
        if self._known is None and len(seen):
            self.estimate.assign(float(1 - clean_probability(seen, self._seed).mean()))

    def kept(self, size: Any, passed: Any, ramp: float) -> Any:
        """Returns how many of `size` examples are kept: all at first, (1 - rate) of them once `ramp` has passed."""
        share = 1 - self.estimate * tf.minimum(passed / ramp, 1.0)
        return tf.maximum(tf.cast(tf.round(share * tf.cast(size, tf.float32)), tf.int32), 1)


def smallest(losses: Any, count: Any) -> Any:
    """Returns float32 [B], 1 for the `count` smallest losses and 0 for the others."""
    order = tf.argsort(tf.argsort(tf.stop_gradient(losses), stable=True), stable=True)
    return tf.cast(order < count, tf.float32)


def mean_of(losses: Any, chosen: Any) -> Any:
    """Returns the mean of the losses [B] that `chosen` [B] marks with 1."""
    return tf.reduce_sum(losses * chosen) / tf.maximum(tf.reduce_sum(chosen), 1.0)
