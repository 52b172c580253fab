import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses.gce import GCE

LOGITS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
LABELS = np.eye(5, dtype=np.float32)[np.arange(8) % 5]


def test_against_numpy():
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    expected = (1 - (p * LABELS).sum(axis=1) ** 0.7) / 0.7
    np.testing.assert_allclose(GCE()(LABELS, LOGITS), expected, rtol=1e-5)


def test_its_ends_are_mae_and_cross_entropy():
    p = tf.nn.softmax(LOGITS).numpy()
    np.testing.assert_allclose(GCE(q=1.0)(LABELS, LOGITS), 1 - (p * LABELS).sum(axis=1), rtol=1e-5)
    entropy = losses.get("cross_entropy")(LABELS, LOGITS)
    np.testing.assert_allclose(GCE(q=1e-4)(LABELS, LOGITS), entropy, rtol=1e-3)


@pytest.mark.parametrize("q", [0, -1, 1.5])
def test_q_out_of_limits_is_refused(q):
    with pytest.raises(UsageError, match="q in"):
        GCE(q=q)
