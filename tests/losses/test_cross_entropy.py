import numpy as np

from tfqnoise.losses.cross_entropy import cross_entropy


def test_against_numpy():
    random = np.random.default_rng(0)
    logits = random.normal(size=(6, 4)).astype(np.float32)
    labels = random.dirichlet([1] * 4, 6).astype(np.float32)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(cross_entropy(labels, logits), -(labels * log_p).sum(axis=1), rtol=1e-5)
