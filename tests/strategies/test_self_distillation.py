import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.relabelling import estimated
from tfqnoise.strategies.self_distillation import SelfDistillation

RANDOM = np.random.default_rng(0)
GIVEN = RANDOM.integers(0, 3, 60)


def _softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _state(epochs=10, first=0, **settings):
    base = losses.scheduled(losses.get("cross_entropy"))
    return SelfDistillation(**settings).build(base, Problem(GIVEN, 3, epochs, first))


def _step(state, epoch):
    rows, logits = RANDOM.permutation(60)[:8], tf.constant(RANDOM.normal(size=(8, 3)) * 2, tf.float32)
    batch = {"image": tf.zeros([8, 1, 1, 1]), "row": tf.constant(rows), "epoch": tf.constant(epoch, tf.int64)}
    labels = np.eye(3, dtype=np.float32)[GIVEN[rows]]
    with tf.GradientTape() as tape:
        tape.watch(logits)
        outcome = state.outcome({**batch, "passed": 0.5}, labels, [lambda images: logits])
    return rows, labels, logits.numpy(), float(outcome.losses[0]), tape.gradient(outcome.losses[0], logits).numpy()


def test_it_learns_labels_and_then_what_they_and_its_average_say():
    state = _state(warm_up=0.5, beta=0.6, temperature=0.4, first=2)
    table, targets = np.full((60, 3), 1 / 3), None
    for epoch in range(2, 12):
        state.begin_epoch(epoch, None)
        if epoch == 7:
            q = table ** (1 / 0.4) * estimated(table, GIVEN)[:, GIVEN].T
            targets = q / q.sum(axis=1, keepdims=True)
            np.testing.assert_allclose(state.label_table(), targets, rtol=2e-3, atol=1e-5)
            wrong = 1 - targets[np.arange(60), GIVEN].mean()
            assert state.findings()["estimated_noise_rate"] == pytest.approx(wrong, rel=1e-3)
        for _ in range(3):
            rows, labels, logits, value, gradient = _step(state, epoch)
            p = _softmax(logits)
            if epoch < 7:
                table[rows] = 0.6 * table[rows] + 0.4 * p
                assert state.findings() == {}
            wanted = labels if epoch < 7 else targets[rows]
            np.testing.assert_allclose(state.predictions.value(), table, rtol=1e-4)
            assert value == pytest.approx(-(wanted * np.log(p)).sum(axis=1).mean(), rel=1e-3)
            np.testing.assert_allclose(gradient, (p - wanted) / 8, atol=1e-4)


def test_the_learning_rate_falls_to_zero_twice():
    """Behind a climb in the first fiftieth; the second fall begins with the epoch that learns corrected labels."""
    shape = _state(10, warm_up=0.43).learning_rate()
    rates = [float(shape(tf.constant(passed))) for passed in (0.0, 0.01, 0.02, 0.2, 0.399, 0.401, 0.7, 1.0)]
    assert rates == pytest.approx([0, 0.5, 0.994, 0.5, 0, 1, 0.5, 0], abs=1e-3)


@pytest.mark.parametrize(("epochs", "warm_up", "at"), [(10, 0.3, 3), (10, 0.01, 1), (10, 0.99, 9), (2, 0.9, 1)])
def test_labels_are_corrected_once_in_time_for_the_last_epoch(epochs, warm_up, at):
    state = _state(epochs, warm_up=warm_up)
    for epoch in range(epochs):
        before = state.targets.value()
        state.predictions.assign(RANDOM.dirichlet(np.ones(3), 60))
        state.begin_epoch(epoch, None)
        assert (state.targets.value() != before).any() == (epoch == at)


@pytest.mark.parametrize(
    "settings",
    [
        {"warm_up": 0},
        {"warm_up": 1.0},
        {"beta": 1.0},
        {"beta": -0.1},
        {"temperature": 0},
    ],
)
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="self_distillation with"):
        SelfDistillation(**settings)
