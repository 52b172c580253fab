import numpy as np
import pytest

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses.gce import GCE
from tfqnoise.losses.truncated_gce import TruncatedGCE

# p_y = 0.1, 0.3, 0.6 and 0.9.
P = np.array([0.1, 0.3, 0.6, 0.9])
LOGITS = tf.constant(np.log(np.stack([P, 1 - P], axis=1)), tf.float32)
LABELS = tf.constant([[1.0, 0]] * 4)


def _gradient(loss, *passed):
    with tf.GradientTape() as tape:
        tape.watch(LOGITS)
        values = loss(LABELS, LOGITS, *passed)
    return values.numpy(), tape.gradient(values, LOGITS).numpy()


def test_an_unlikely_label_costs_a_constant_and_teaches_nothing():
    values, gradient = _gradient(TruncatedGCE(k=0.5))
    np.testing.assert_allclose(values, (1 - np.maximum(P, 0.5) ** 0.7) / 0.7, rtol=1e-5)
    assert (gradient[:2] == 0).all()
    assert (gradient[2:] != 0).all()
    _, lower = _gradient(TruncatedGCE(k=0.2))
    assert ((lower != 0).any(axis=1) == [False, True, True, True]).all()


def test_a_label_exactly_as_likely_as_k_is_pruned():
    logits = tf.zeros([1, 2])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = TruncatedGCE(k=0.5)(LABELS[:1], logits)
    assert (tape.gradient(values, logits).numpy() == 0).all()


def test_it_is_plain_gce_until_its_start():
    loss = TruncatedGCE(q=0.6, start=0.4)
    plain = GCE(q=0.6)(LABELS, LOGITS).numpy()
    for passed in (0.0, 0.399, tf.constant(0.2)):
        values, gradient = _gradient(loss, passed)
        np.testing.assert_allclose(values, plain, rtol=1e-6)
        assert (gradient != 0).all()
    for passed in (0.4, 1.0, tf.constant(0.4)):
        values, gradient = _gradient(loss, passed)
        assert (values[:2] < plain[:2]).all()
        assert (gradient[:2] == 0).all()


def test_in_a_graph_the_start_is_not_fixed_by_the_first_call():
    loss = tf.function(TruncatedGCE().__call__)
    early, late = (loss(LABELS, LOGITS, tf.constant(passed)).numpy() for passed in (0.1, 0.9))
    assert early[0] > late[0]


@pytest.mark.parametrize("settings", [{"q": 0}, {"q": 1.1}, {"k": 0}, {"k": 1}, {"start": -0.1}, {"start": 1.1}])
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match=r"q in \(0, 1\], k in \(0, 1\), start in \[0, 1\]"):
        TruncatedGCE(**settings)
