import numpy as np
import pytest

from tfqnoise.backend import tf
from tfqnoise.strategies.relabelling import Posterior

CLASSES, COUNT, BATCH = 5, 6400, 64
SYMMETRIC = 0.6 * np.eye(CLASSES) + 0.4 / CLASSES
ASYMMETRIC = np.eye(CLASSES)
ASYMMETRIC[0, [0, 1]], ASYMMETRIC[2, [2, 3]] = (0.6, 0.4), (0.7, 0.3)


def _world(matrix):
    """True classes, labels given by the matrix, and the answers of a classifier that is right in four of five."""
    random = np.random.default_rng(0)
    true = random.integers(0, CLASSES, COUNT)
    given = np.array([random.choice(CLASSES, p=matrix[k]) for k in true])
    # p_k ~ exp(s x_k) is the true posterior of class k where x = s e_k + N(0, 1).
    logits = 2.0 * (2.0 * np.eye(CLASSES)[true] + random.normal(size=(COUNT, CLASSES)))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert 0.75 < (p.argmax(axis=1) == true).mean() < 0.85
    return true, given, p.astype(np.float32)


def _taught(given, p, passes=6):
    posterior, labels = Posterior(CLASSES), np.eye(CLASSES, dtype=np.float32)[given]

    @tf.function
    def step(predictions, answers):
        posterior.update(posterior(predictions, answers), answers)

    for start in list(range(0, COUNT, BATCH)) * passes:
        step(tf.constant(p[start : start + BATCH]), tf.constant(labels[start : start + BATCH]))
    return posterior, posterior(p, labels).numpy()


@pytest.mark.parametrize("matrix", [SYMMETRIC, ASYMMETRIC], ids=["symmetric", "asymmetric"])
def test_the_matrix_and_better_labels_are_found_from_imperfect_answers(matrix):
    true, given, p = _world(matrix)
    posterior, q = _taught(given, p)
    np.testing.assert_allclose(posterior.transition(), matrix, atol=0.05)
    assert posterior.rate() == pytest.approx((given != true).mean(), abs=0.03)
    right = (q.argmax(axis=1) == true).mean()
    assert right > (given == true).mean() + 0.03
    assert right > (p.argmax(axis=1) == true).mean() + 0.03


def test_without_wrong_labels_the_given_ones_win():
    true, given, p = _world(np.eye(CLASSES))
    posterior, q = _taught(given, p)
    assert (q.argmax(axis=1) == true).mean() > 0.995
    assert posterior.rate() < 0.03


def test_it_is_bayes_rule_with_rows_of_true_classes():
    random = np.random.default_rng(1)
    counts = random.random((CLASSES, CLASSES)).astype(np.float32)
    posterior = Posterior(CLASSES)
    posterior.counts.assign(counts)
    p, given = random.dirichlet(np.ones(CLASSES), 7), random.integers(0, CLASSES, 7)
    labels = np.eye(CLASSES, dtype=np.float32)[given]
    matrix = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(posterior.transition(), matrix, rtol=1e-5)
    expected = p * matrix[:, given].T
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(posterior(p.astype(np.float32), labels), expected, rtol=1e-4, atol=1e-6)
    assert posterior.rate() == pytest.approx(1 - np.trace(counts) / counts.sum(), rel=1e-5)


def test_counts_are_the_mean_over_batches():
    """A beginning of a fifth of wrong labels counts as five batches."""
    random, posterior = np.random.default_rng(2), Posterior(3)
    start = (0.8 * np.eye(3) + 0.2 / 3) / 3
    np.testing.assert_allclose(posterior.counts, start, rtol=1e-6)
    assert posterior.rate() == pytest.approx(0.2 * 2 / 3)
    total = 5 * start
    for n in range(4):
        q, labels = random.dirichlet(np.ones(3), 8), np.eye(3)[random.integers(0, 3, 8)]
        posterior.update(tf.constant(q, tf.float32), tf.constant(labels, tf.float32))
        total += np.einsum("bk,by->ky", q, labels) / 8
        np.testing.assert_allclose(posterior.counts, total / (6 + n), rtol=1e-5)
    # Later the last ones count most: after five windows little is left of what was.
    q = tf.one_hot([0, 1, 2], 3)
    for _ in range(1000):
        posterior.update(q, q)
    np.testing.assert_allclose(posterior.counts, np.eye(3) / 3, atol=0.003)


def test_sure_answers_leave_finite_numbers():
    posterior = Posterior(3)
    sure = tf.one_hot([0, 0, 0, 0], 3)
    for _ in range(300):
        labels = tf.one_hot([1, 1, 2, 2], 3)
        posterior.update(posterior(sure, labels), labels)
    for values in (posterior.transition(), posterior(sure, labels)):
        assert np.isfinite(values).all()
    np.testing.assert_allclose(posterior.transition()[0], [0, 0.5, 0.5], atol=0.02)
