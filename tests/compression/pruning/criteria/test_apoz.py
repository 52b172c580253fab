import numpy as np

from tfqnoise.backend import keras
from tfqnoise.compression.pruning.criteria.apoz import Apoz


def test_it_is_the_share_of_what_is_not_zero_behind_relu(evidence):
    found = evidence("conv1")
    values = keras.Model(found.network.input, found.network.get_layer("conv1_relu").output)(found.pictures).numpy()
    zeros = [(values[..., c] == 0).mean() for c in range(8)]
    assert np.ptp(zeros) > 0.2
    np.testing.assert_allclose(Apoz().importance(found), 1 - np.array(zeros), rtol=1e-6)


def test_a_stream_is_judged_behind_each_of_its_relus(evidence):
    found = evidence("stem")
    tensors = [found.network.get_layer(name).output for name in ("stem_relu", "sum_relu")]
    values = [v.numpy() for v in keras.Model(found.network.input, tensors)(found.pictures)]
    expected = np.mean([(v != 0).mean(axis=(0, 1, 2)) for v in values], axis=0)
    np.testing.assert_allclose(Apoz().importance(found), expected, rtol=1e-6)


def test_nothing_is_judged_without_relu(bare):
    assert Apoz().importance(bare) is None
