import numpy as np
import pytest

from tfqnoise.strategies.relabelling import estimated, posterior, wrong_share

CLASSES, COUNT = 5, 20000
SYMMETRIC = 0.6 * np.eye(CLASSES) + 0.4 / CLASSES
ASYMMETRIC = np.eye(CLASSES)
ASYMMETRIC[0, [0, 1]], ASYMMETRIC[2, [2, 3]] = (0.6, 0.4), (0.7, 0.3)


def _world(matrix):
    """True classes, labels given by the matrix, and the answers of a classifier that is right in four of five."""
    random = np.random.default_rng(0)
    true = random.integers(0, CLASSES, COUNT)
    given = (random.random((COUNT, 1)) > matrix.cumsum(axis=1)[true]).sum(axis=1).clip(0, CLASSES - 1)
    # p_k ~ exp(s x_k) is the true posterior of class k where x = s e_k + N(0, 1).
    logits = 2.0 * (2.0 * np.eye(CLASSES)[true] + random.normal(size=(COUNT, CLASSES)))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert 0.75 < (p.argmax(axis=1) == true).mean() < 0.85
    return true, given, p.astype(np.float32)


def _corrected(p, given):
    return posterior(p, np.eye(CLASSES, dtype=np.float32)[given], estimated(p, given), 1.0).numpy()


@pytest.mark.parametrize("matrix", [SYMMETRIC, ASYMMETRIC], ids=["symmetric", "asymmetric"])
def test_the_matrix_and_better_labels_are_found_from_imperfect_answers(matrix):
    true, given, p = _world(matrix)
    np.testing.assert_allclose(estimated(p, given), matrix, atol=0.08)
    q = _corrected(p, given)
    assert wrong_share(q, given) == pytest.approx((given != true).mean(), abs=0.03)
    right = (q.argmax(axis=1) == true).mean()
    assert right > (given == true).mean() + 0.03
    assert right > (p.argmax(axis=1) == true).mean() + 0.03


def test_without_wrong_labels_the_given_ones_win():
    true, given, p = _world(np.eye(CLASSES))
    q = _corrected(p, given)
    assert (q.argmax(axis=1) == true).mean() > 0.99
    assert wrong_share(q, given) < 0.02


def test_only_the_surest_of_a_predicted_class_count():
    random = np.random.default_rng(1)
    p, given = random.dirichlet([0.7] * 3, 900), random.integers(0, 3, 900)
    counts = np.zeros((3, 3))
    for k in range(3):
        mine = [n for n in range(900) if p[n].argmax() == k]
        for n in sorted(mine, key=lambda n, k=k: p[n, k])[-round(len(mine) / 10) :]:
            counts[k, given[n]] += 1
    assert counts.sum(axis=1).min() > 20
    right = np.trace(counts) / counts.sum()
    # Twenty pictures more a row, with the same errors in all classes.
    expected = counts + 20 * (right * np.eye(3) + (1 - right) / 2 * (1 - np.eye(3)))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(estimated(p, given), expected, atol=1e-4)


def test_a_class_that_nothing_is_taken_for_has_the_errors_of_the_others():
    given = np.array([0] * 90 + [1] * 10)
    p = np.tile([0.9, 0.06, 0.04], (100, 1))
    np.testing.assert_allclose(estimated(p, given[::-1].copy())[2], [0.25, 0.25, 0.5], atol=1e-3)
    matrix = estimated(p, given)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(matrix, np.eye(3), atol=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_it_is_bayes_rule_with_rows_of_true_classes(temperature):
    random = np.random.default_rng(1)
    matrix = random.dirichlet(np.ones(CLASSES), CLASSES).astype(np.float32)
    p, given = random.dirichlet(np.ones(CLASSES), 7).astype(np.float32), random.integers(0, CLASSES, 7)
    expected = p ** (1 / temperature) * matrix[:, given].T
    expected /= expected.sum(axis=1, keepdims=True)
    q = posterior(p, np.eye(CLASSES, dtype=np.float32)[given], matrix, temperature).numpy()
    np.testing.assert_allclose(q, expected, rtol=1e-3, atol=1e-6)
    assert wrong_share(q, given) == pytest.approx(1 - expected[np.arange(7), given].mean(), rel=1e-4)


def test_sure_answers_leave_finite_numbers():
    sure, labels = np.eye(3, dtype=np.float32)[[0, 0, 1]], np.eye(3, dtype=np.float32)[[1, 2, 1]]
    q = posterior(sure, labels, np.eye(3, dtype=np.float32), 0.01).numpy()
    assert np.isfinite(q).all()
    np.testing.assert_allclose(q.sum(axis=1), 1, rtol=1e-5)
