import numpy as np
import pytest

from tfqnoise.errors import UsageError
from tfqnoise.losses.sce import SCE

LOGITS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
LABELS = np.eye(5, dtype=np.float32)[np.arange(8) % 5]
P = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)
GIVEN = P[LABELS == 1]


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 1.0), (6.0, 0.1), (1.0, 0.0), (0.0, 1.0)])
def test_against_numpy(alpha, beta):
    active = -np.log(GIVEN)
    passive = -(P * np.log(np.clip(LABELS, 1e-4, 1))).sum(axis=1)
    np.testing.assert_allclose(SCE(alpha, beta)(LABELS, LOGITS), alpha * active + beta * passive, rtol=1e-4)


@pytest.mark.parametrize("settings", [{"alpha": -1.0}, {"alpha": 0.0, "beta": 0.0}, {"floor": 2.0}])
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="sce with alpha = "):
        SCE(**settings)
