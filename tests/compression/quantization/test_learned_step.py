import numpy as np
import pytest

from tfqnoise.backend import tf
from tfqnoise.compression.quantization.learned_step import learned_step

RANDOM = np.random.default_rng(0)


def _gradients(values, step, low, high, axes, upstream):
    values, step = tf.constant(values, tf.float32), tf.constant(step, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([values, step])
        loss = tf.reduce_sum(learned_step(values, step, low, high, axes) * upstream)
    return tape.gradient(loss, [values, step])


@pytest.mark.parametrize(("low", "high"), [(-7, 7), (-1, 1), (0, 15)])
def test_gradients_are_the_papers(low, high):
    values = RANDOM.normal(0, 5, (40, 3)).astype(np.float32)
    step = np.array([0.5, 1.0, 2.0], np.float32)
    upstream = RANDOM.normal(size=values.shape).astype(np.float32)
    by_value, by_step = _gradients(values, step, low, high, [0], upstream)
    v = values / step
    inside = (v >= low) & (v <= high)
    np.testing.assert_allclose(by_value, upstream * inside)
    slope = np.where(inside, np.round(v) - v, np.clip(v, low, high))
    np.testing.assert_allclose(by_step, (upstream * slope).sum(0) / np.sqrt(40 * high), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("low", "high"), [(-7, 7), (0, 15)])
def test_the_gradient_of_the_step_matches_finite_differences(low, high):
    """Where codes stay the same, q(s) - s stop_gradient(v) has the true slope q - v; outside it is q itself."""
    values = RANDOM.normal(0, 8, 2000)
    step, delta = 0.7, 1e-5
    v = values / step
    inside = (v > low) & (v < high)
    # Rounding is straight through: the error q s - w, at codes held fixed, is what the step's gradient follows.
    codes = np.clip(np.round(v), low, high)

    def loss(s):
        straight = s * codes - np.where(inside, (s - step) * v, 0)
        return straight.sum()

    numeric = (loss(step + delta) - loss(step - delta)) / (2 * delta)
    _, by_step = _gradients(values, step, low, high, [0], np.ones(2000, np.float32))
    np.testing.assert_allclose(by_step * np.sqrt(2000 * high), numeric, rtol=1e-3)
