"""What a label probably is, from a prediction and the given label."""

from typing import Any

from tfqnoise.backend import tf

# The counts are the mean over all batches at first, as if there had been so many before the first one, and later over
# about so many of the last.
_BEFORE, _WINDOW = 5.0, 200.0


class Posterior(tf.Module):
    """Joins predictions with given labels through the transition matrix that they themselves lead to.

        q_k ~ p_k T_ky,   T_ky = (mean over pictures of q_k where y is given) / (mean of q_k)

    for a prediction p and a given label y. T[k, y], the probability that class k is labelled y, is estimated while
    training goes on: an expectation-maximisation in which each batch adds its part. Where few labels are wrong T is
    nearly the identity and the given label wins; where many are, a clear prediction does. So no noise rate is needed.

    Args:
        classes: C.

    Reference: Dawid and Skene, Applied Statistics 28, 1979, with one annotator and p in the place of the prior.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        # As if a fifth of the labels were wrong, until there is something better.
        start = 0.8 * tf.eye(classes) + 0.2 / classes
        self.counts = tf.Variable(start / classes, trainable=False, name="label_counts")
        self.batches = tf.Variable(_BEFORE, trainable=False, name="label_batches")

    def transition(self) -> Any:
        """Returns T, float32 [C, C], row = true class, column = given label."""
        return self.counts / tf.reduce_sum(self.counts, axis=1, keepdims=True)

    def __call__(self, predictions: Any, labels: Any) -> Any:
        """Returns q, float32 [B, C].

        Args:
            predictions: float32 [B, C], p.
            labels: float32 [B, C], one-hot given labels.
        """
        joint = predictions * tf.matmul(labels, self.transition(), transpose_b=True) + 1e-8
        return joint / tf.reduce_sum(joint, axis=1, keepdims=True)

    def update(self, posterior: Any, labels: Any) -> None:
        """Adds a batch's part to T.

        Args:
            posterior: float32 [B, C], q.
            labels: float32 [B, C], one-hot given labels.
        """
        size = tf.cast(tf.shape(labels)[0], tf.float32)
        seen = tf.matmul(posterior, labels, transpose_a=True) / size
        self.batches.assign_add(1.0)
        share = 1 / tf.minimum(self.batches, _WINDOW)
        self.counts.assign_add(share * (tf.stop_gradient(seen) - self.counts))

    def rate(self) -> float:
        """Returns the estimated share of wrong labels."""
        counts = self.counts.numpy()
        return float(1 - counts.trace() / counts.sum())
