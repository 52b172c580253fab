import numpy as np
import pytest

from tfqnoise.errors import UsageError
from tfqnoise.losses.binary_sce import BinarySCE
from tfqnoise.losses.sce import SCE

LOGITS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
LABELS = np.random.default_rng(1).choice([0, 1], size=(6, 4)).astype(np.float32)
P = 1 / (1 + np.exp(-LOGITS.astype(float)))


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 1.0), (6.0, 0.1), (1.0, 0.0), (0.0, 1.0)])
def test_against_numpy(alpha, beta):
    entropy = -np.log(np.where(LABELS == 1, P, 1 - P))
    clipped = np.clip([LABELS, 1 - LABELS], 1e-4, 1)
    reverse = -P * np.log(clipped[0]) - (1 - P) * np.log(clipped[1])
    expected = (alpha * entropy + beta * reverse).mean(axis=1)
    np.testing.assert_allclose(BinarySCE(alpha, beta)(LABELS, LOGITS), expected, rtol=1e-4)


def test_it_is_sce_of_two_classes():
    logits = np.stack([LOGITS[:, 0], 0 * LOGITS[:, 0]], axis=1)
    labels = np.stack([LABELS[:, 0], 1 - LABELS[:, 0]], axis=1)
    np.testing.assert_allclose(BinarySCE()(LABELS[:, :1], LOGITS[:, :1]), SCE()(labels, logits), rtol=1e-5)


@pytest.mark.parametrize("settings", [{"alpha": -1.0}, {"alpha": 0.0, "beta": 0.0}, {"floor": 0.0}])
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="binary_sce with alpha = "):
        BinarySCE(**settings)
