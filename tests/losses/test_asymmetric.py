import numpy as np
import pytest

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.losses.asymmetric import Asymmetric
from tfqnoise.losses.binary_cross_entropy import BinaryCrossEntropy

LOGITS = (2 * np.random.default_rng(0).normal(size=(20, 4))).astype(np.float32)
LABELS = np.random.default_rng(1).choice([0, 1, 0.3], size=(20, 4)).astype(np.float32)
P = 1 / (1 + np.exp(-LOGITS.astype(float)))


@pytest.mark.parametrize("settings", [(0.0, 4.0, 0.05), (1.0, 4.0, 0.2), (2.0, 0.5, 0.0)])
def test_against_numpy(settings):
    gamma_pos, gamma_neg, clip = settings
    shifted = np.maximum(P - clip, 0)
    present, absent = (1 - P) ** gamma_pos * np.log(P), shifted**gamma_neg * np.log(1 - shifted)
    expected = -(LABELS * present + (1 - LABELS) * absent).mean(axis=1)
    np.testing.assert_allclose(Asymmetric(*settings)(LABELS, LOGITS), expected, rtol=1e-4)


def test_without_its_settings_it_is_cross_entropy():
    plain = Asymmetric(gamma_pos=0.0, gamma_neg=0.0, clip=0.0)
    np.testing.assert_allclose(plain(LABELS, LOGITS), BinaryCrossEntropy()(LABELS, LOGITS), rtol=1e-5)


@pytest.mark.parametrize("gamma_neg", [0.0, 0.1, 1.0, 4.0])
def test_an_absent_label_below_the_clip_teaches_nothing(gamma_neg):
    """Also where the power of an exact 0 has no finite gradient; a label that is present always teaches."""
    logits = tf.constant([[-4.0, -3.5, -100, -4]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = Asymmetric(0.0, gamma_neg, 0.05)(tf.constant([[0.0, 0, 0, 1]]), logits)
    gradient = tape.gradient(values, logits).numpy()
    np.testing.assert_array_equal(gradient[0] != 0, [False, False, False, True])
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("clip", [0.0, 0.05])
@pytest.mark.parametrize("gamma", [0.0, 0.1, 1.0])
def test_gradients_are_finite_at_certainty(gamma, clip):
    logits = tf.constant([[-1e4, -100, -80, -20, 20, 80, 100, 1e4]])
    for label in (0.0, 1.0, 0.5):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values = Asymmetric(gamma, gamma, clip)(tf.fill([1, 8], label), logits)
        assert np.isfinite(values).all()
        assert np.isfinite(tape.gradient(values, logits)).all()


@pytest.mark.parametrize("settings", [{"gamma_pos": -1}, {"gamma_neg": -1}, {"clip": 1}, {"clip": -0.1}])
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match=r"gamma_neg of at least 0, clip in \[0, 1\)"):
        Asymmetric(**settings)
