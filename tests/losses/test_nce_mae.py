import numpy as np
import pytest

from tfqnoise.errors import UsageError
from tfqnoise.losses.nce_mae import NceMae

LOGITS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
LABELS = np.eye(5, dtype=np.float32)[np.arange(8) % 5]
P = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)
GIVEN = P[LABELS == 1]


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 1.0), (6.0, 0.1), (1.0, 0.0), (0.0, 1.0)])
def test_against_numpy(alpha, beta):
    active = np.log(GIVEN) / np.log(P).sum(axis=1)
    passive = np.abs(P - LABELS).sum(axis=1) / 2
    np.testing.assert_allclose(NceMae(alpha, beta)(LABELS, LOGITS), alpha * active + beta * passive, rtol=1e-4)


@pytest.mark.parametrize("settings", [{"alpha": -1.0}, {"alpha": 0.0, "beta": 0.0}, {"beta": -0.1}])
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="nce_mae with alpha = "):
        NceMae(**settings)
