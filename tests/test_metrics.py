import numpy as np

from tfqnoise import metrics


def test_memorised_and_recovered_are_shares_of_the_wrong_ones():
    given, true = np.array([0, 0, 1, 2]), np.array([1, 2, 2, 1])
    logits = np.eye(3)[[0, 2, 2, 0]]
    assert metrics.memorisation(given, true, logits) == metrics.Memorisation(0.25, 0.5)
    assert metrics.accuracy(true, logits) == 0.5
