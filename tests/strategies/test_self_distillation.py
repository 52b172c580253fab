import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.self_distillation import SelfDistillation

RANDOM = np.random.default_rng(0)


def _softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _state(**settings):
    base = losses.scheduled(losses.get("cross_entropy"))
    return SelfDistillation(**settings).build(base, Problem(np.zeros(9, np.int64), 3))


def _batch(rows, passed):
    return {"image": tf.zeros([len(rows), 1, 1, 1]), "row": tf.constant(rows), "passed": tf.constant(passed)}


def test_it_learns_labels_and_later_its_average_joined_with_them():
    state = _state(warm_up=0.5, beta=0.6, average=0.95)
    assert state.networks == 1
    assert state.average == 0.95
    table, counts, batches = np.full((9, 3), 1 / 3), (0.8 * np.eye(3) + 0.2 / 3) / 3, 5
    for passed in (0.0, 0.2, 0.49, 0.5, 0.6, 0.9):
        rows = RANDOM.permutation(9)[:4]
        labels = np.eye(3, dtype=np.float32)[RANDOM.integers(0, 3, 4)]
        own, averaged = (tf.constant(RANDOM.normal(size=(4, 3)) * 2, tf.float32) for _ in range(2))
        with tf.GradientTape() as tape:
            tape.watch([own, averaged])
            outcome = state.outcome(_batch(rows, passed), labels, [lambda i, z=own: z, lambda i, z=averaged: z])
        gradients = tape.gradient(outcome.losses[0], [own, averaged])
        table[rows] = 0.6 * table[rows] + 0.4 * _softmax(averaged.numpy())
        np.testing.assert_allclose(state.predictions, table, rtol=1e-4)
        np.testing.assert_allclose(state.label_table(), table, rtol=1e-4)
        targets = labels
        if passed >= 0.5:
            given = (counts / counts.sum(axis=1, keepdims=True))[:, labels.argmax(axis=1)].T
            targets = table[rows] * given / (table[rows] * given).sum(axis=1, keepdims=True)
            batches += 1
            counts = counts + (targets.T @ labels / 4 - counts) / batches
        np.testing.assert_allclose(state.posterior.counts, counts, rtol=1e-3, atol=1e-6)
        p = _softmax(own.numpy())
        assert float(outcome.losses[0]) == pytest.approx(-(targets * np.log(p)).sum(axis=1).mean(), rel=1e-4)
        # Targets are constants: the slope is that of cross-entropy, and none is towards the average.
        np.testing.assert_allclose(gradients[0], (p - targets) / 4, atol=1e-5)
        assert gradients[1] is None
        np.testing.assert_array_equal(outcome.logits, own)
    assert state.findings()["estimated_noise_rate"] == pytest.approx(1 - np.trace(counts), rel=1e-3)


@pytest.mark.parametrize(
    "settings", [{"warm_up": -0.1}, {"warm_up": 1.0}, {"beta": 1.0}, {"beta": -0.1}, {"average": 0}, {"average": 1}]
)
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="self_distillation with"):
        SelfDistillation(**settings)
