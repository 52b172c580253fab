import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.cutmix import Cutmix

# One brightness a picture, so a pixel says whose it is.
IMAGES = np.broadcast_to(np.arange(6, dtype=np.uint8)[:, None, None, None] * 40, (6, 8, 8, 1))
LABELS = np.eye(3, dtype=np.float32)[[0, 1, 2, 2, 1, 0]]
KERNEL = np.random.default_rng(0).normal(size=(64, 3)) / 255


def _log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def test_labels_count_by_the_area_of_their_picture():
    problem = Problem(np.zeros(6, np.int64), 3)
    state = Cutmix(alpha=1.0).build(losses.scheduled(losses.get("cross_entropy")), problem)
    seen = []

    def network(images):
        seen.append(images.numpy())
        return tf.reshape(tf.cast(images, tf.float32), [-1, 64]) @ tf.constant(KERNEL, tf.float32)

    areas = []
    for number in range(12):
        batch = {"image": tf.constant(IMAGES), "number": tf.constant(number, tf.int64), "passed": 0.5}
        outcome = state.outcome(batch, LABELS, [network])
        own = (seen[-1] == IMAGES).mean()
        targets = own * LABELS + (1 - own) * np.roll(LABELS, 1, axis=0)
        logits = seen[-1].reshape(6, 64) @ KERNEL
        assert float(outcome.losses[0]) == pytest.approx(
            -(targets * _log_softmax(logits)).sum(axis=1).mean(), rel=1e-4
        )
        areas.append(own)
    assert min(areas) < 0.5
    assert max(areas) > 0.8


@pytest.mark.parametrize("alpha", [0, -1, float("nan")])
def test_settings_out_of_limits_are_refused(alpha):
    with pytest.raises(UsageError, match="cutmix with alpha"):
        Cutmix(alpha=alpha)
