"""What a label probably is, from a prediction and the given label."""

from typing import Any

from tfqnoise.backend import tf

# The counts are the mean over all batches at first, as if there had been so many before the first one, and later over
# about so many of the last.
_BEFORE, _WINDOW = 5.0, 200.0


class Posterior(tf.Module):
    """Joins predictions with given labels through the transition matrix that their disagreement leads to.

        q_k ~ p_k^(1 / temperature) T_ky,   T_ky = share of label y among the pictures for which p_k is the largest

    for a prediction p and a given label y. Where few labels are wrong T is nearly the identity and the given label
    wins; where many are, a clear prediction does. So no noise rate is needed.

    A network that has learnt wrong labels predicts them with their rates: the shares of p tell of the noise, its
    largest entry of the class. So T counts largest entries, not shares (T = I would explain these well), and
    p is sharpened. T takes errors of the network for errors of the labels, and so trusts labels rather too little.

    Args:
        classes: C.
        temperature: below 1 it sharpens predictions.

    Reference: the count is that of confident learning (Northcutt et al., JAIR 2021, arXiv 1911.00068) without its
    thresholds; the rest is Bayes' rule.
    """

    def __init__(self, classes: int, temperature: float) -> None:
        super().__init__()
        self._temperature = temperature
        # As if two fifths of the labels were wrong, until there is something better.
        start = 0.6 * tf.eye(classes) + 0.4 / classes
        self.counts = tf.Variable(start / classes, trainable=False, name="label_counts")
        self.batches = tf.Variable(_BEFORE, trainable=False, name="label_batches")
        self.wrong = tf.Variable(0.0, trainable=False, name="wrong_labels")

    def transition(self) -> Any:
        """Returns T, float32 [C, C], row = true class, column = given label."""
        # A class that is never predicted has no row to divide by.
        return (self.counts + 1e-6) / tf.reduce_sum(self.counts + 1e-6, axis=1, keepdims=True)

    def __call__(self, predictions: Any, labels: Any) -> Any:
        """Returns q, float32 [B, C].

        Args:
            predictions: float32 [B, C], p.
            labels: float32 [B, C], one-hot given labels.
        """
        likelihood = tf.matmul(labels, self.transition(), transpose_b=True)
        log = tf.math.log(tf.maximum(predictions, 1e-8)) / self._temperature + tf.math.log(likelihood)
        return tf.nn.softmax(log)

    def update(self, predictions: Any, posterior: Any, labels: Any) -> None:
        """Adds a batch's part to T and to the noise rate.

        Args:
            predictions: float32 [B, C], p.
            posterior: float32 [B, C], q.
            labels: float32 [B, C], one-hot given labels.
        """
        size = tf.cast(tf.shape(labels)[0], tf.float32)
        largest = tf.one_hot(tf.argmax(predictions, axis=1), predictions.shape[-1])
        self.batches.assign_add(1.0)
        share = 1 / tf.minimum(self.batches, _WINDOW)
        self.counts.assign_add(share * (tf.matmul(largest, labels, transpose_a=True) / size - self.counts))
        wrong = 1 - tf.reduce_mean(tf.reduce_sum(posterior * labels, axis=1))
        self.wrong.assign_add(share * (tf.stop_gradient(wrong) - self.wrong))

    def rate(self) -> float:
        """Returns the estimated share of wrong labels: the mean of 1 - q_y."""
        return float(self.wrong)
