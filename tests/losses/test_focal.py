import math

import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses.focal import Focal

LOGITS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
LABELS = np.eye(5, dtype=np.float32)[np.arange(8) % 5]
P = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("gamma", [0.5, 2, 3.7])
def test_against_numpy(gamma):
    given = P[np.arange(8), np.arange(8) % 5]
    np.testing.assert_allclose(Focal(gamma)(LABELS, LOGITS), -((1 - given) ** gamma) * np.log(given), rtol=1e-4)


def test_gamma_0_is_cross_entropy():
    np.testing.assert_allclose(Focal(0.0)(LABELS, LOGITS), losses.get("cross_entropy")(LABELS, LOGITS), rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.5, 1.0])
def test_gradients_are_finite_at_certainty(gamma):
    """Where a power below 1 has none by itself, p = 1 exactly and nearly."""
    logits = tf.constant([[0.0, 200], [0, 16], [200, 0], [0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = Focal(gamma)(tf.constant([[0.0, 1]] * 4), logits)
    assert np.isfinite(tape.gradient(values, logits)).all()


@pytest.mark.parametrize("gamma", [-1, math.inf, math.nan])
def test_gamma_out_of_limits_is_refused(gamma):
    with pytest.raises(UsageError, match="gamma of at least 0"):
        Focal(gamma)
