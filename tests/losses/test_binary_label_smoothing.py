import math

import numpy as np
import pytest

from tfqnoise.errors import UsageError
from tfqnoise.losses.binary_cross_entropy import BinaryCrossEntropy
from tfqnoise.losses.binary_label_smoothing import BinaryLabelSmoothing
from tfqnoise.losses.label_smoothing import LabelSmoothing

LOGITS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
LABELS = np.random.default_rng(1).choice([0, 1], size=(6, 4)).astype(np.float32)
P = 1 / (1 + np.exp(-LOGITS.astype(float)))


@pytest.mark.parametrize("smoothing", [0.1, 0.8, -2])
def test_against_numpy(smoothing):
    target = np.where(LABELS == 1, 1 - smoothing / 2, smoothing / 2)
    expected = -(target * np.log(P) + (1 - target) * np.log(1 - P)).mean(axis=1)
    np.testing.assert_allclose(BinaryLabelSmoothing(smoothing)(LABELS, LOGITS), expected, rtol=1e-4, atol=1e-5)


def test_none_is_cross_entropy():
    np.testing.assert_array_equal(BinaryLabelSmoothing(0.0)(LABELS, LOGITS), BinaryCrossEntropy()(LABELS, LOGITS))


def test_it_is_label_smoothing_of_two_classes():
    logits = np.stack([LOGITS[:, 0], 0 * LOGITS[:, 0]], axis=1)
    labels = np.stack([LABELS[:, 0], 1 - LABELS[:, 0]], axis=1)
    np.testing.assert_allclose(
        BinaryLabelSmoothing()(LABELS[:, :1], LOGITS[:, :1]), LabelSmoothing()(labels, logits), rtol=1e-5
    )


@pytest.mark.parametrize("smoothing", [1, 1.5, -math.inf, math.nan])
def test_smoothing_out_of_limits_is_refused(smoothing):
    with pytest.raises(UsageError, match="smoothing below 1"):
        BinaryLabelSmoothing(smoothing)
