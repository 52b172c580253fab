import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.distillation import Distillation

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (4, 2, 2, 1), np.uint8)
LABELS = np.eye(3, dtype=np.float32)[[0, 2, 2, 1]]
TEACHER, OWN = RANDOM.normal(size=(2, 4, 3)).astype(np.float32) / 100


def _softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _linear(kernel):
    return lambda images: tf.reshape(tf.cast(images, tf.float32), [-1, 4]) @ kernel


def _outcome(state):
    batch = {"image": tf.constant(IMAGES), "row": tf.range(4), "passed": tf.constant(0.5)}
    logits = _linear(OWN)(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        outcome = state.outcome(batch, LABELS, [lambda images: logits])
    return float(outcome.losses[0]), tape.gradient(outcome.losses[0], logits).numpy()


def _state(**settings):
    base = losses.scheduled(losses.get("cross_entropy"))
    return Distillation(**settings).build(base, Problem(np.zeros(9, np.int64), 3, teacher=_linear(TEACHER)))


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_without_labels_the_teacher_alone_is_learnt(temperature):
    state = _state(labels=False, temperature=temperature)
    value, gradient = _outcome(state)
    flat = IMAGES.reshape(4, 4).astype(np.float64)
    p, targets = _softmax(flat @ OWN), _softmax(flat @ TEACHER / temperature)
    assert value == pytest.approx(-(targets * np.log(p)).sum(axis=1).mean(), rel=1e-4)
    np.testing.assert_allclose(gradient, (p - targets) / 4, atol=1e-5)
    assert state.findings() == {}
    np.testing.assert_allclose(state.posterior.batches, 5)


def test_with_labels_it_is_what_both_say():
    state = _state(temperature=2.0)
    counts = (0.8 * np.eye(3) + 0.2 / 3) / 3
    flat = IMAGES.reshape(4, 4).astype(np.float64)
    p, teacher = _softmax(flat @ OWN), _softmax(flat @ TEACHER / 2)
    for batches in (6, 7, 8):
        value, gradient = _outcome(state)
        given = (counts / counts.sum(axis=1, keepdims=True))[:, LABELS.argmax(axis=1)].T
        targets = teacher * given / (teacher * given).sum(axis=1, keepdims=True)
        assert value == pytest.approx(-(targets * np.log(p)).sum(axis=1).mean(), rel=1e-4)
        np.testing.assert_allclose(gradient, (p - targets) / 4, atol=1e-5)
        counts = counts + (targets.T @ LABELS / 4 - counts) / batches
    assert state.findings()["estimated_noise_rate"] == pytest.approx(1 - np.trace(counts), rel=1e-3)


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_settings_out_of_limits_are_refused(temperature):
    with pytest.raises(UsageError, match="distillation with"):
        Distillation(temperature=temperature)
