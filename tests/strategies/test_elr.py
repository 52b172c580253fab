import numpy as np
import pytest

from tfqnoise import losses, strategies
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.elr import ELR

RANDOM = np.random.default_rng(0)


def _softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_targets_and_loss_are_the_papers():
    settings = ELR(weight=2.0, beta=0.6)
    state = settings.build(losses.scheduled(losses.get("cross_entropy")), Problem(np.zeros(5, np.int64), 3))
    targets = np.zeros((5, 3))
    for _ in range(4):
        rows = RANDOM.permutation(5)[:2]
        logits = RANDOM.normal(size=(2, 3)).astype(np.float32)
        labels = np.eye(3, dtype=np.float32)[RANDOM.integers(0, 3, 2)]
        values = state.loss({"row": tf.constant(rows), "passed": 0.0}, labels, logits)
        p = _softmax(logits)
        targets[rows] = 0.6 * targets[rows] + 0.4 * p
        expected = -(labels * np.log(p)).sum(axis=1) + 2 * np.log(1 - (targets[rows] * p).sum(axis=1))
        np.testing.assert_allclose(values, expected, rtol=1e-4)
        np.testing.assert_allclose(state.targets.value(), targets, rtol=1e-4)


def test_targets_take_no_gradient():
    """dR/dz_j = w p_j (t.p - t_j) / (1 - t.p), with t constant."""
    nothing = lambda labels, logits, passed: tf.zeros(len(logits))  # noqa: E731
    state = ELR(weight=1.0, beta=0.0).build(nothing, Problem(np.zeros(4, np.int64), 3))
    logits = tf.constant(RANDOM.normal(size=(4, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = tf.reduce_sum(state.loss({"row": tf.range(4), "passed": 0.0}, None, logits))
    p = _softmax(logits.numpy())
    agreement = (p * p).sum(axis=1, keepdims=True)
    expected = p * (agreement - p) / (1 - agreement)
    np.testing.assert_allclose(tape.gradient(value, logits), expected, atol=1e-5)


def test_the_table_is_saved_with_the_state():
    problem = Problem(np.zeros(7, np.int64), 3)
    state = strategies.get("elr").build(losses.get("gce"), problem)
    assert [v.shape for v in state.variables] == [(7, 3)]
    assert not strategies.get("plain").build(losses.get("gce"), problem).variables


@pytest.mark.parametrize("settings", [{"weight": -1}, {"beta": 1.0}, {"beta": -0.1}])
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="elr with"):
        ELR(**settings)
