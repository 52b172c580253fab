import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.small_loss import SmallLoss

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(8, 3)).astype(np.float32) * 3
LABELS = np.eye(3, dtype=np.float32)[RANDOM.integers(0, 3, 8)]
ROWS = RANDOM.permutation(20)[:8]


def _losses(logits):
    return -(LABELS * (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))).sum(axis=1)


def _batch(passed):
    return {"image": tf.zeros([8, 1, 1, 1]), "row": tf.constant(ROWS), "passed": tf.constant(passed)}


def _state(**settings):
    base = losses.scheduled(losses.get("cross_entropy"))
    return SmallLoss(**settings).build(base, Problem(np.zeros(20, np.int64), 3))


@pytest.mark.parametrize(("passed", "count"), [(0.0, 8), (0.125, 7), (0.25, 6), (0.5, 4), (1.0, 4)])
def test_only_the_smallest_losses_are_learnt(passed, count):
    state, logits = _state(rate=0.5, ramp=0.5), tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        outcome = state.outcome(_batch(passed), LABELS, [lambda images: logits])
    losses = _losses(LOGITS)
    assert float(outcome.losses[0]) == pytest.approx(np.sort(losses)[:count].mean(), rel=1e-5)
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    chosen = losses <= np.sort(losses)[count - 1]
    expected = np.where(chosen[:, None], (p - LABELS) / count, 0)
    np.testing.assert_allclose(tape.gradient(outcome.losses[0], logits), expected, atol=1e-6)


def test_the_rate_comes_from_all_losses_of_the_epoch():
    state = _state()
    state.outcome(_batch(0.1), LABELS, [lambda images: tf.constant(LOGITS)])
    np.testing.assert_allclose(state.table.losses.value()[ROWS], _losses(LOGITS), rtol=1e-5)
    assert state.findings() == {"estimated_noise_rate": 0.0}
    state.table.losses.assign(np.where(np.arange(20) < 15, 0.1, 5.0) + RANDOM.normal(0, 0.01, 20))
    state.begin_epoch(1, lambda number: None)
    assert state.findings()["estimated_noise_rate"] == pytest.approx(0.25, abs=0.01)
    outcome = state.outcome(_batch(0.3), LABELS, [lambda images: tf.constant(LOGITS)])
    assert float(outcome.losses[0]) == pytest.approx(np.sort(_losses(LOGITS))[:6].mean(), rel=1e-5)


@pytest.mark.parametrize("settings", [{"rate": -0.1}, {"rate": 1.0}, {"ramp": 0.0}, {"ramp": 1.1}])
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="small_loss with"):
        SmallLoss(**settings)
