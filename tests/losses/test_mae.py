import numpy as np

from tfqnoise.losses.mae import MAE

LOGITS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
P = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)


def test_it_is_half_the_distance_of_one_hot_labels():
    labels = np.eye(5, dtype=np.float32)[np.arange(8) % 5]
    np.testing.assert_allclose(MAE()(labels, LOGITS), np.abs(labels - P).sum(axis=1) / 2, rtol=1e-5)


def test_its_sum_over_all_labels_is_constant():
    """What makes it robust to uniform noise."""
    total = sum(MAE()(np.eye(5, dtype=np.float32)[np.full(8, k)], LOGITS) for k in range(5))
    np.testing.assert_allclose(total, 4, rtol=1e-5)
