import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.jocor import Jocor

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(2, 8, 3)).astype(np.float32) * 2
LABELS = np.eye(3, dtype=np.float32)[RANDOM.integers(0, 3, 8)]
ROWS = RANDOM.permutation(20)[:8]


def _joint(first, second, weight):
    p, q = (np.exp(each) / np.exp(each).sum(axis=1, keepdims=True) for each in (first, second))
    own = -(LABELS * np.log(p)).sum(axis=1) - (LABELS * np.log(q)).sum(axis=1)
    apart = (p * np.log(p / q)).sum(axis=1) + (q * np.log(q / p)).sum(axis=1)
    return (1 - weight) * own + weight * apart


def _batch(passed):
    return {"image": tf.zeros([8, 1, 1, 1]), "row": tf.constant(ROWS), "passed": tf.constant(passed)}


def _state(**settings):
    base = losses.scheduled(losses.get("cross_entropy"))
    return Jocor(**settings).build(base, Problem(np.zeros(20, np.int64), 3))


@pytest.mark.parametrize("weight", [0.0, 0.65, 0.9])
@pytest.mark.parametrize(("passed", "count"), [(0.0, 8), (0.25, 6), (1.0, 4)])
def test_the_joint_loss_chooses_and_is_learnt_by_both(weight, passed, count):
    state, logits = _state(rate=0.5, ramp=0.5, weight=weight), [tf.constant(each) for each in LOGITS]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        outcome = state.outcome(_batch(passed), LABELS, [lambda i: logits[0], lambda i: logits[1]])
        total = tf.add_n(outcome.losses)
    joint = _joint(*LOGITS.astype(np.float64), weight)
    assert float(total) == pytest.approx(np.sort(joint)[:count].mean(), rel=1e-4)
    np.testing.assert_allclose(state.table.losses.value()[ROWS], joint, rtol=1e-4)
    chosen = np.argsort(joint)[:count]
    for number, gradient in enumerate(tape.gradient(total, logits)):
        numeric = np.zeros([8, 3])
        for place in np.ndindex(8, 3):
            moved = LOGITS.astype(np.float64)
            ends = []
            for step in (1e-5, -2e-5):
                moved[(number, *place)] += step
                ends.append(_joint(*moved, weight)[chosen].mean())
            numeric[place] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(gradient, numeric, atol=1e-4)


def test_the_rate_comes_from_the_joint_losses():
    state = _state()
    state.table.losses.assign(np.where(np.arange(20) < 15, 0.1, 5.0) + RANDOM.normal(0, 0.01, 20))
    state.begin_epoch(1, lambda number: None)
    assert state.findings()["estimated_noise_rate"] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(
    "settings", [{"rate": -0.1}, {"rate": 1.0}, {"ramp": 0.0}, {"weight": 1.0}, {"weight": -0.1}]
)
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="jocor with"):
        Jocor(**settings)
