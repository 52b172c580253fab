import dataclasses
import json

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tfqnoise import metrics


def test_memorised_and_recovered_are_shares_of_the_wrong_ones():
    given, true = np.array([0, 0, 1, 2]), np.array([1, 2, 2, 1])
    logits = np.eye(3)[[0, 2, 2, 0]]
    assert metrics.memorisation(given, true, logits) == metrics.Memorisation(0.25, 0.5)
    assert metrics.accuracy(true, logits) == 0.5


def test_f1_is_scikit_learns_over_what_is_known():
    random = np.random.default_rng(0)
    labels = random.choice([-1, 0, 1], (500, 6), p=[0.2, 0.6, 0.2])
    logits = random.normal(size=(500, 6)) + 0.8 * labels
    found = metrics.f1(labels, logits)
    for place in range(6):
        known = labels[:, place] >= 0
        expected = f1_score(labels[known, place], logits[known, place] > 0)
        assert found.f1[place] == pytest.approx(expected)
        assert found.known[place] == known.sum()
    assert found.mean == pytest.approx(np.mean(found.f1))
    changed = np.where(labels < 0, 9.0, logits)
    assert metrics.f1(labels, changed) == found


def test_f1_is_zero_without_a_hit():
    """Nothing to find, nothing found, only wrongly found, nothing known; and a logit of 0 is no finding."""
    labels = np.array([[0, 1, 0, -1, 1], [0, 1, 0, -1, 1]])
    logits = np.array([[-1, -1, 1, 1, 0], [-1, -1, 1, 1, 2.0]])
    found = metrics.f1(labels, logits)
    assert found.f1 == (0, 0, 0, 0, pytest.approx(2 / 3))
    assert found.true_positives == (0, 0, 0, 0, 1)
    assert found.false_positives == (0, 0, 2, 0, 0)
    assert found.false_negatives == (0, 2, 0, 0, 1)
    assert found.known == (2, 2, 2, 0, 2)
    json.dumps(dataclasses.asdict(found))


def test_confusion_counts_by_label_and_answer():
    logits = np.array([[2.0, 1, 0], [0, 1, 2], [0, 3, 1], [5, 0, 0]])
    np.testing.assert_array_equal(
        metrics.confusion(np.array([0, 0, 1, 1]), logits), [[1, 0, 1], [1, 1, 0], [0, 0, 0]]
    )


def test_decisions_and_headline_follow_the_task():
    logits = np.array([[1.0, -1], [-2, 3]])
    np.testing.assert_array_equal(metrics.decisions("single", logits), [0, 1])
    np.testing.assert_array_equal(metrics.decisions("multi", logits), [[True, False], [False, True]])
    assert metrics.headline("single", np.array([0, 0]), logits) == 0.5
    assert metrics.headline("multi", np.array([[1, 0], [1, -1]]), logits) == pytest.approx((2 / 3 + 0) / 2)


def test_softmax_is_finite_and_sums_to_one_whatever_the_logits():
    p = metrics.softmax(np.array([[0, np.log(3)], [-1e4, 1e4], [5, 5]], np.float32))
    np.testing.assert_allclose(p, [[0.25, 0.75], [0, 1], [0.5, 0.5]], atol=1e-7)
