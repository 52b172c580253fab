import math

import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.errors import UsageError
from tfqnoise.losses.label_smoothing import LabelSmoothing

LOGITS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
LABELS = np.eye(5, dtype=np.float32)[np.arange(8) % 5]
LOG_P = LOGITS - np.log(np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("smoothing", [0.1, 0.9, -0.4, -6])
def test_against_numpy(smoothing):
    given = LOG_P[np.arange(8), np.arange(8) % 5]
    expected = -(1 - smoothing) * given - smoothing * LOG_P.mean(axis=1)
    np.testing.assert_allclose(LabelSmoothing(smoothing)(LABELS, LOGITS), expected, rtol=1e-4)


def test_none_is_cross_entropy():
    np.testing.assert_array_equal(LabelSmoothing(0.0)(LABELS, LOGITS), losses.get("cross_entropy")(LABELS, LOGITS))


@pytest.mark.parametrize("smoothing", [1, 1.5, -math.inf, math.nan])
def test_smoothing_out_of_limits_is_refused(smoothing):
    with pytest.raises(UsageError, match="smoothing below 1"):
        LabelSmoothing(smoothing)
