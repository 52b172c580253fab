import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.mixup import Mixup

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (6, 2, 2, 1), np.uint8)
LABELS = np.eye(3, dtype=np.float32)[[0, 1, 2, 2, 1, 0]]
KERNEL = RANDOM.normal(size=(4, 3)) / 255


def _log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def test_labels_are_mixed_as_pictures_are():
    state = Mixup(alpha=1.0).build(losses.scheduled(losses.get("cross_entropy")), Problem(np.zeros(6, np.int64), 3))
    seen = []

    def network(images):
        seen.append(images.numpy())
        return tf.reshape(images, [-1, 4]) @ tf.constant(KERNEL, tf.float32)

    weights = []
    own, other = IMAGES.astype(float), np.roll(IMAGES, 1, axis=0).astype(float)
    for number in range(12):
        batch = {"image": tf.constant(IMAGES), "number": tf.constant(number, tf.int64), "passed": 0.5}
        outcome = state.outcome(batch, LABELS, [network])
        # Which share it was shows in the pictures.
        (w,) = np.unique(np.round(((seen[-1] - other) / (own - other + 1e-9))[own != other], 4)[:1])
        np.testing.assert_allclose(seen[-1], w * own + (1 - w) * other, atol=0.05)
        targets = w * LABELS + (1 - w) * np.roll(LABELS, 1, axis=0)
        logits = seen[-1].reshape(6, 4) @ KERNEL
        assert float(outcome.losses[0]) == pytest.approx(
            -(targets * _log_softmax(logits)).sum(axis=1).mean(), rel=1e-3
        )
        assert outcome.logits is None
        weights.append(w)
    assert min(weights) < 0.3
    assert max(weights) > 0.7


@pytest.mark.parametrize("alpha", [0, -1, float("nan")])
def test_settings_out_of_limits_are_refused(alpha):
    with pytest.raises(UsageError, match="mixup with alpha"):
        Mixup(alpha=alpha)
