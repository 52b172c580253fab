import numpy as np
import pytest

from tfqnoise.errors import UsageError
from tfqnoise.losses.binary_cross_entropy import BinaryCrossEntropy
from tfqnoise.losses.binary_gce import BinaryGCE
from tfqnoise.losses.gce import GCE

LOGITS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
LABELS = np.random.default_rng(1).choice([0, 1, 0.3], size=(6, 4)).astype(np.float32)
P = 1 / (1 + np.exp(-LOGITS.astype(float)))


@pytest.mark.parametrize("q", [0.7, 0.2, 1.0])
def test_against_numpy(q):
    expected = (LABELS * (1 - P**q) / q + (1 - LABELS) * (1 - (1 - P) ** q) / q).mean(axis=1)
    np.testing.assert_allclose(BinaryGCE(q)(LABELS, LOGITS), expected, rtol=1e-5)


def test_it_is_gce_of_two_classes():
    logits = np.stack([LOGITS[:, 0], 0 * LOGITS[:, 0]], axis=1)
    labels = np.stack([LABELS[:, 0], 1 - LABELS[:, 0]], axis=1)
    np.testing.assert_allclose(BinaryGCE()(LABELS[:, :1], LOGITS[:, :1]), GCE()(labels, logits), rtol=1e-5)


def test_its_end_is_cross_entropy():
    np.testing.assert_allclose(BinaryGCE(1e-4)(LABELS, LOGITS), BinaryCrossEntropy()(LABELS, LOGITS), rtol=1e-3)


@pytest.mark.parametrize("q", [0, -1, 1.5])
def test_q_out_of_limits_is_refused(q):
    with pytest.raises(UsageError, match="q in"):
        BinaryGCE(q=q)
