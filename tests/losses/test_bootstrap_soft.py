import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses.bootstrap_soft import BootstrapSoft

LOGITS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
LABELS = np.eye(5, dtype=np.float32)[np.arange(8) % 5]
P = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("beta", [0.95, 0.3])
def test_against_numpy(beta):
    entropy = -(P * np.log(P)).sum(axis=1)
    expected = -beta * np.log(P[LABELS == 1]) + (1 - beta) * entropy
    np.testing.assert_allclose(BootstrapSoft(beta)(LABELS, LOGITS), expected, rtol=1e-4)


def test_beta_1_is_cross_entropy():
    np.testing.assert_allclose(BootstrapSoft(1.0)(LABELS, LOGITS), losses.get("cross_entropy")(LABELS, LOGITS))


def test_the_gradient_passes_through_the_targets():
    """d/dz of the entropy is -p (log p + H); with targets held it would be p minus itself, 0."""
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        difference = BootstrapSoft(0.5)(LABELS, logits) - 0.5 * losses.get("cross_entropy")(LABELS, logits)
    entropy = -(P * np.log(P)).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(tape.gradient(difference, logits), -0.5 * P * (np.log(P) + entropy), atol=1e-6)


@pytest.mark.parametrize("beta", [0, 1.1, -1, float("nan")])
def test_beta_out_of_limits_is_refused(beta):
    with pytest.raises(UsageError, match=r"bootstrap_soft with beta(.|\n)*beta in \(0, 1\]"):
        BootstrapSoft(beta)
