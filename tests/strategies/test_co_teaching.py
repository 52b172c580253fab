import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.co_teaching import CoTeaching

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(2, 8, 3)).astype(np.float32) * 3
LABELS = np.eye(3, dtype=np.float32)[RANDOM.integers(0, 3, 8)]
ROWS = RANDOM.permutation(20)[:8]


def _losses(logits):
    return -(LABELS * (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))).sum(axis=1)


def _batch(passed):
    return {"image": tf.zeros([8, 1, 1, 1]), "row": tf.constant(ROWS), "passed": tf.constant(passed)}


def _state(**settings):
    base = losses.scheduled(losses.get("cross_entropy"))
    return CoTeaching(**settings).build(base, Problem(np.zeros(20, np.int64), 3))


@pytest.mark.parametrize(("passed", "count"), [(0.0, 8), (0.25, 6), (0.5, 4), (1.0, 4)])
def test_each_network_learns_what_is_easy_for_the_other(passed, count):
    state, logits = _state(rate=0.5, ramp=0.5), [tf.constant(each) for each in LOGITS]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        first, second = state.outcome(_batch(passed), LABELS, [lambda i: logits[0], lambda i: logits[1]]).losses
    own = [_losses(each) for each in LOGITS]
    easy = [np.argsort(each)[:count] for each in own]
    assert count == 8 or set(easy[0]) != set(easy[1])
    assert float(first) == pytest.approx(own[0][easy[1]].mean(), rel=1e-5)
    assert float(second) == pytest.approx(own[1][easy[0]].mean(), rel=1e-5)
    # Neither learns through the other's choice.
    assert tape.gradient(first, logits[1]) is None
    assert tape.gradient(second, logits[0]) is None


def test_the_rate_comes_from_the_losses_of_both():
    state = _state()
    state.outcome(_batch(0.1), LABELS, [lambda i: tf.constant(LOGITS[0]), lambda i: tf.constant(LOGITS[1])])
    np.testing.assert_allclose(
        state.table.losses.value()[ROWS], (_losses(LOGITS[0]) + _losses(LOGITS[1])) / 2, rtol=1e-5
    )
    state.table.losses.assign(np.where(np.arange(20) < 15, 0.1, 5.0) + RANDOM.normal(0, 0.01, 20))
    state.begin_epoch(1, lambda number: None)
    assert state.findings()["estimated_noise_rate"] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("settings", [{"rate": -0.1}, {"rate": 1.0}, {"ramp": 0.0}, {"ramp": 1.1}])
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="co_teaching with"):
        CoTeaching(**settings)
