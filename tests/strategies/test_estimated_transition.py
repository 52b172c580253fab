import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.estimated_transition import EstimatedTransition, _rate, _softmax
from tfqnoise.strategies.estimated_transition import estimated as of_predictions

RANDOM = np.random.default_rng(0)


def estimated(logits, percentile):
    return of_predictions(_softmax(logits), percentile)


# Row = true, column = given; its transpose is far from it.
MATRIX = np.array([[0.6, 0.4, 0, 0], [0, 0.8, 0.2, 0], [0.1, 0.1, 0.7, 0.1], [0, 0, 0.3, 0.7]])


def _answers(count=1000):
    """What a perfect network says of the given labels: p T, with p sure for a twentieth of each class."""
    p = np.concatenate([np.repeat(np.eye(4), count // 20, axis=0), RANDOM.dirichlet([0.5] * 4, count - count // 5)])
    return np.log(RANDOM.permutation(p) @ MATRIX + 1e-9)


def test_the_matrix_is_read_off_the_surest_pictures():
    logits = _answers()
    np.testing.assert_allclose(estimated(logits, 97.0), MATRIX, atol=0.03)
    np.testing.assert_allclose(estimated(logits, 100.0), MATRIX, atol=0.01)
    np.testing.assert_allclose(estimated(logits + 50, 97.0), estimated(logits, 97.0), atol=1e-5)
    np.testing.assert_allclose(estimated(logits, 97.0).sum(axis=1), 1, rtol=1e-6)
    # The middle pictures are of no class.
    assert np.abs(estimated(logits, 50.0) - MATRIX).max() > 0.2


def test_an_outlier_does_not_count_as_the_surest():
    logits = _answers()
    logits[17] = [30, 0, 0, 0]
    np.testing.assert_allclose(estimated(logits, 97.0), MATRIX, atol=0.03)
    np.testing.assert_allclose(estimated(logits, 100.0)[0], [1, 0, 0, 0], atol=1e-6)


def test_the_loss_is_corrected_after_the_warm_up():
    logits, labels = RANDOM.normal(size=(5, 4)).astype(np.float32), np.eye(4, dtype=np.float32)[[3, 2, 1, 0, 1]]
    base = losses.scheduled(losses.get("gce"))
    state = EstimatedTransition(warm_up=0.4).build(base, Problem(np.zeros(9, np.int64), 4, 10))
    state.matrix.assign(MATRIX)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    corrected = -np.log((labels * (p @ MATRIX)).sum(axis=1))
    for passed, expected in ((0.0, base(labels, logits, 0.0)), (0.39, base(labels, logits, 0.0)), (0.4, corrected)):
        np.testing.assert_allclose(state.loss({"passed": tf.constant(passed)}, labels, logits), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("epochs", "first", "warm_up", "at"),
    [(10, 0, 0.4, 4), (10, 3, 0.4, 7), (10, 0, 0.01, 1), (2, 0, 0.9, 1), (10, 0, 0.99, 9)],
)
def test_the_matrix_is_estimated_once_when_the_warm_up_is_over(epochs, first, warm_up, at):
    # What four equally large classes are given.
    problem = Problem(np.repeat(np.arange(4), [7, 13, 12, 8]), 4, epochs, first)
    state = EstimatedTransition(warm_up=warm_up, percentile=97.0).build(None, problem)
    answers = _answers()
    for epoch in range(first, first + epochs):
        asked = []
        state.begin_epoch(epoch, lambda number, asked=asked: asked.append(number) or answers)
        assert asked == ([0] if epoch == at else [])
        expected = np.eye(4) if epoch < at else MATRIX
        np.testing.assert_allclose(state.matrix, expected, atol=0.03)
        found = state.findings()
        assert found == ({"estimated_noise_rate": pytest.approx(0.3, abs=0.02)} if epoch >= at else {})


def test_counts_need_no_sure_network():
    """A network that is right and unsure: its own shares would say that most labels are wrong."""
    true = RANDOM.integers(0, 4, 4000)
    given = np.array([RANDOM.choice(4, p=MATRIX[k]) for k in true])
    logits = 1.0 * np.eye(4)[true] + RANDOM.normal(size=(4000, 4)) * 0.2
    problem = Problem(given, 4, 10)
    counted, paper = (EstimatedTransition(percentile=p).build(None, problem) for p in (None, 97.0))
    for state in (counted, paper):
        state.begin_epoch(4, lambda number: logits)
    np.testing.assert_allclose(counted.matrix, MATRIX, atol=0.15)
    assert abs(np.trace(counted.matrix) - np.trace(MATRIX)) < 0.3 < abs(np.trace(paper.matrix) - np.trace(MATRIX))


def test_the_rate_counts_classes_as_large_as_they_are():
    given = np.repeat([0, 1], [86, 14])
    assert _rate(np.array([[0.9, 0.1], [0.5, 0.5]], np.float32), given) == pytest.approx(0.14, abs=1e-6)


def test_one_epoch_is_too_short_to_estimate():
    """Before it has learnt anything, its answers say nothing of the labels."""
    state = EstimatedTransition().build(None, Problem(np.zeros(9, np.int64), 4, 1))
    state.begin_epoch(0, None)
    np.testing.assert_array_equal(state.matrix, np.eye(4))


@pytest.mark.parametrize("settings", [{"warm_up": 0}, {"warm_up": 1.0}, {"percentile": 0}, {"percentile": 101}])
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="estimated_transition with"):
        EstimatedTransition(**settings)
