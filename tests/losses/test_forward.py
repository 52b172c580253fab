import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.losses.forward import Forward, forward

T = np.array([[0.8, 0.2, 0.0], [0.1, 0.6, 0.3], [0.0, 0.4, 0.6]])
LOGITS = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
LABELS = np.eye(3, dtype=np.float32)[np.arange(9) % 3]
P = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)


def test_against_numpy():
    expected = [-np.log(sum(P[b, i] * T[i, b % 3] for i in range(3))) for b in range(9)]
    np.testing.assert_allclose(Forward(T.tolist())(LABELS, LOGITS), expected, rtol=1e-5)


def test_true_probabilities_are_its_minimum_over_given_labels():
    """Given labels have the distribution p T; cross-entropy pulls there, the corrected loss stays at p."""
    logits = tf.constant(LOGITS)
    slopes = {}
    for loss in (Forward(T.tolist()), losses.get("cross_entropy")):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(tf.constant(P @ T, tf.float32), logits)
        slopes[type(loss).__name__] = np.abs(tape.gradient(value, logits)).max()
    assert slopes["Forward"] < 1e-6
    assert slopes["CrossEntropy"] > 0.1


@pytest.mark.parametrize("sure", [200.0, 1e4])
def test_a_permutation_is_exact_where_probabilities_underflow(sure):
    swap = [[0.0, 1, 0], [1, 0, 0], [0, 0, 1]]
    logits = tf.constant([[sure, 0.0, -sure]] * 3)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = Forward(swap)(np.eye(3, dtype=np.float32), logits)
    np.testing.assert_allclose(values, [sure, 0, 2 * sure])
    np.testing.assert_allclose(tape.gradient(values, logits), [[1, -1, 0], [0, 0, 0], [1, 0, -1]], atol=1e-6)


def test_where_probabilities_underflow_the_share_of_given_labels_counts_too():
    values = Forward([[1.0, 0, 0], [0, 0.25, 0.75], [0, 0, 1]])([[0.0, 1, 0]], tf.constant([[200.0, 0.0, -200.0]]))
    np.testing.assert_allclose(values, [200 + np.log(4)], rtol=1e-6)


def test_a_label_that_is_never_given_adds_nothing():
    matrix = [[0.0, 1, 0], [0, 1, 0], [0, 0.5, 0.5]]
    logits = tf.constant([[0.3, -0.2, 0.9]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = forward(tf.constant([[1.0, 0, 0]]), logits, matrix)
    np.testing.assert_allclose(values, [0], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(values, logits), [[0, 0, 0]], atol=1e-6)


def test_the_matrix_may_be_a_tensor_of_the_graph():
    """A matrix that is estimated while training."""
    graph = tf.function(forward)
    matrix = tf.Variable(np.eye(3), dtype=tf.float64)
    np.testing.assert_allclose(graph(LABELS, LOGITS, matrix), losses.get("cross_entropy")(LABELS, LOGITS), rtol=1e-5)
    matrix.assign(T)
    np.testing.assert_allclose(graph(LABELS, LOGITS, matrix), Forward(T.tolist())(LABELS, LOGITS), rtol=1e-6)
