import numpy as np

from tfqnoise.losses.binary_cross_entropy import BinaryCrossEntropy

LOGITS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
P = 1 / (1 + np.exp(-LOGITS.astype(float)))


def test_against_numpy():
    labels = np.random.default_rng(1).choice([0, 1, 0.3], size=(6, 4)).astype(np.float32)
    expected = -(labels * np.log(P) + (1 - labels) * np.log(1 - P)).mean(axis=1)
    np.testing.assert_allclose(BinaryCrossEntropy()(labels, LOGITS), expected, rtol=1e-5)
