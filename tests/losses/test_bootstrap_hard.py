import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.errors import UsageError
from tfqnoise.losses.bootstrap_hard import BootstrapHard

LOGITS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
LABELS = np.eye(5, dtype=np.float32)[np.arange(8) % 5]
P = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("beta", [0.8, 0.3])
def test_against_numpy(beta):
    expected = -beta * np.log(P[LABELS == 1]) - (1 - beta) * np.log(P.max(axis=1))
    np.testing.assert_allclose(BootstrapHard(beta)(LABELS, LOGITS), expected, rtol=1e-4)


def test_beta_1_is_cross_entropy():
    np.testing.assert_allclose(BootstrapHard(1.0)(LABELS, LOGITS), losses.get("cross_entropy")(LABELS, LOGITS))


@pytest.mark.parametrize("beta", [0, 1.1, -1])
def test_beta_out_of_limits_is_refused(beta):
    with pytest.raises(UsageError, match=r"bootstrap_hard with beta(.|\n)*beta in \(0, 1\]"):
        BootstrapHard(beta)
