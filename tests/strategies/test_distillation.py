import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import TEACHER as TEACHER_NUMBER
from tfqnoise.strategies import Problem
from tfqnoise.strategies.distillation import Distillation
from tfqnoise.strategies.relabelling import estimated

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (4, 2, 2, 1), np.uint8)
GIVEN = RANDOM.integers(0, 3, 90)
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


def _state(first=0, **settings):
    base = losses.scheduled(losses.get("cross_entropy"))
    return Distillation(**settings).build(base, Problem(GIVEN, 3, 10, first, teacher=_linear(TEACHER)))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_without_labels_the_teacher_alone_is_learnt(temperature):
    state = _state(labels=False, temperature=temperature)
    state.begin_epoch(0, None)
    value, gradient = _outcome(state)
    flat = IMAGES.reshape(4, 4).astype(np.float64)
    p, targets = _softmax(flat @ OWN), _softmax(flat @ TEACHER / temperature)
    assert value == pytest.approx(-(targets * np.log(p)).sum(axis=1).mean(), rel=1e-4)
    np.testing.assert_allclose(gradient, (p - targets) / 4, atol=1e-5)
    assert state.findings() == {}


def test_with_labels_it_is_what_both_say():
    """By a matrix from the teacher's answers to all pictures, taken before the first epoch and kept."""
    state, answers = _state(first=2, temperature=2.0), RANDOM.normal(size=(90, 3)).astype(np.float32) * 3
    asked = []
    for epoch in range(2, 5):
        state.begin_epoch(epoch, lambda number: asked.append(number) or answers)
    assert asked == [TEACHER_NUMBER]
    matrix, all_p = estimated(_softmax(answers), GIVEN), _softmax(answers / 2)
    np.testing.assert_allclose(state.matrix, matrix, rtol=1e-5)
    q = all_p * matrix[:, GIVEN].T
    wrong = 1 - (q / q.sum(axis=1, keepdims=True))[np.arange(90), GIVEN].mean()
    assert state.findings()["estimated_noise_rate"] == pytest.approx(wrong, rel=1e-3)
    flat = IMAGES.reshape(4, 4).astype(np.float64)
    p = _softmax(flat @ OWN)
    targets = _softmax(flat @ TEACHER / 2) * matrix[:, LABELS.argmax(axis=1)].T
    targets /= targets.sum(axis=1, keepdims=True)
    value, gradient = _outcome(state)
    assert value == pytest.approx(-(targets * np.log(p)).sum(axis=1).mean(), rel=1e-3)
    np.testing.assert_allclose(gradient, (p - targets) / 4, atol=1e-4)


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_settings_out_of_limits_are_refused(temperature):
    with pytest.raises(UsageError, match="distillation with"):
        Distillation(temperature=temperature)
