import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.errors import UsageError
from tfqnoise.losses.backward import Backward

T = np.array([[0.8, 0.2, 0.0], [0.1, 0.6, 0.3], [0.0, 0.4, 0.6]])
LOGITS = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
TRUE = np.arange(9) % 3


def _of(label):
    return np.eye(3, dtype=np.float32)[np.full(9, label)]


def test_its_mean_over_given_labels_is_the_loss_of_the_true_label():
    loss = Backward(T.tolist())
    each = np.stack([loss(_of(given), LOGITS) for given in range(3)], axis=1)
    expected = losses.get("cross_entropy")(np.eye(3, dtype=np.float32)[TRUE], LOGITS)
    np.testing.assert_allclose((T[TRUE] * each).sum(axis=1), expected, rtol=1e-4)


def test_against_two_classes_by_hand():
    """With flips of rates a and b, the loss of a given 0 is ((1 - b) l_0 - a l_1) / (1 - a - b)."""
    a, b = 0.2, 0.3
    values = Backward([[1 - a, a], [b, 1 - b]])(np.eye(2, dtype=np.float32), np.log([[0.7, 0.3]] * 2))
    first, second = -np.log([0.7, 0.3])
    expected = [((1 - b) * first - a * second) / 0.5, ((1 - a) * second - b * first) / 0.5]
    np.testing.assert_allclose(values, expected, rtol=1e-5)


@pytest.mark.parametrize("matrix", [[[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.5 + 1e-8, 0.5 - 1e-8]]])
def test_a_matrix_without_an_inverse_is_refused(matrix):
    with pytest.raises(UsageError, match="condition number"):
        Backward(matrix)
