import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError

LOGITS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
LABELS = np.array([[1, 0, 1], [0, -1, 1], [-1, 1, -1], [-1, -1, -1]], np.float32)
P = 1 / (1 + np.exp(-LOGITS.astype(float)))
EACH = np.where(LABELS == 1, -np.log(P), -np.log(1 - P))
LOSS = losses.get("binary_cross_entropy")


def test_a_picture_has_the_mean_of_its_known_labels():
    expected = [EACH[0].mean(), EACH[1, [0, 2]].mean(), EACH[2, 1], 0]
    np.testing.assert_allclose(LOSS(LABELS, LOGITS), expected, rtol=1e-5)


def test_weights_of_labels():
    expected = [
        (0.5 * EACH[0, 0] + 2 * EACH[0, 1] + 0.25 * EACH[0, 2]) / 3,
        (0.5 * EACH[1, 0] + 0.25 * EACH[1, 2]) / 2,
        2 * EACH[2, 1],
        0,
    ]
    for weights in ([0.5, 2, 0.25], np.array([0.5, 2, 0.25], np.float32)):
        weighted = LOSS.weighted(weights)
        np.testing.assert_allclose(weighted(LABELS, LOGITS), expected, rtol=1e-5)
    np.testing.assert_allclose(LOSS.weighted([1, 1, 1])(LABELS, LOGITS), LOSS(LABELS, LOGITS), rtol=1e-6)


def test_integer_labels_and_a_graph_do():
    graph = tf.function(LOSS.__call__)
    np.testing.assert_allclose(
        graph(tf.constant(LABELS, tf.int32), tf.constant(LOGITS)), LOSS(LABELS, LOGITS), rtol=1e-6
    )


@pytest.mark.parametrize("weights", [[1, -1], [0, 0], [], [1, np.nan], [1, np.inf]])
def test_what_are_no_weights_is_refused(weights):
    with pytest.raises(UsageError, match="label weights"):
        LOSS.weighted(weights)


def test_another_number_of_labels_is_refused():
    with pytest.raises(UsageError, match="2 label weights for a network of 3 labels"):
        LOSS.weighted([1, 2])(LABELS, LOGITS)
