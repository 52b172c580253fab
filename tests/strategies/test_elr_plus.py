import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.elr_plus import ElrPlus

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (6, 2, 2, 1), np.uint8)
LABELS = np.eye(3, dtype=np.float32)[[0, 1, 2, 2, 1, 0]]
KERNELS = RANDOM.normal(size=(2, 4, 3)) / 255
ROWS = np.array([8, 0, 3, 5, 1, 9])


def _softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _mixed(values, w):
    return w * values + (1 - w) * np.roll(values, 1, axis=0)


def test_targets_are_the_averages_and_are_mixed_with_the_pictures():
    base = losses.scheduled(losses.get("cross_entropy"))
    state = ElrPlus(weight=2.0, beta=0.6, average=0.9).build(base, Problem(np.zeros(10, np.int64), 3))
    assert state.networks == 1
    assert state.average == 0.9
    kernels, seen = [tf.constant(k, tf.float32) for k in KERNELS], {}

    def network(number):
        def answer(images):
            seen[number] = images.numpy().astype(float)
            return tf.reshape(tf.cast(images, tf.float32), [-1, 4]) @ kernels[number]

        return answer

    targets, own, weights = np.zeros((10, 3)), IMAGES.astype(float), []
    for number in range(8):
        batch = {"image": tf.constant(IMAGES), "row": tf.constant(ROWS), "number": number, "passed": 0.5}
        with tf.GradientTape() as tape:
            tape.watch(kernels)
            (value,) = state.outcome(batch, LABELS, [network(0), network(1)]).losses
        gradients = tape.gradient(value, kernels)
        assert gradients[1] is None
        assert np.abs(gradients[0]).max() > 0
        np.testing.assert_array_equal(seen[1], own)
        other = np.roll(own, 1, axis=0)
        w = ((seen[0] - other) / (own - other + 1e-9))[own != other][0]
        np.testing.assert_allclose(seen[0], _mixed(own, w), atol=0.05)
        targets[ROWS] = 0.6 * targets[ROWS] + 0.4 * _softmax(own.reshape(6, 4) @ KERNELS[1])
        np.testing.assert_allclose(state.targets.value(), targets, rtol=1e-4)
        p = _softmax(_mixed(own, w).reshape(6, 4) @ KERNELS[0])
        expected = -(_mixed(LABELS, w) * np.log(p)).sum(axis=1)
        expected += 2 * np.log(1 - (_mixed(targets[ROWS], w) * p).sum(axis=1))
        assert float(value) == pytest.approx(expected.mean(), rel=2e-3)
        weights.append(w)
    # At least half of a mixture is the picture itself.
    assert 0.499 < min(weights) < 0.8 < max(weights) <= 1
    np.testing.assert_allclose(state.label_table()[ROWS].sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(state.label_table()[ROWS].argmax(axis=1), targets[ROWS].argmax(axis=1))


@pytest.mark.parametrize(
    "settings", [{"weight": -1}, {"beta": 1.0}, {"beta": -0.1}, {"alpha": 0}, {"average": 0}, {"average": 1.0}]
)
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="elr_plus with"):
        ElrPlus(**settings)
