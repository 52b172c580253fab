import numpy as np

from tfqnoise.compression.pruning.criteria.batch_norm_scale import BatchNormScale


def test_it_is_the_size_of_the_scale_whatever_its_sign(evidence):
    found = evidence("conv1")
    scale = found.network.get_layer("conv1_bn").gamma.numpy()
    assert (scale < 0).any()
    np.testing.assert_allclose(BatchNormScale().importance(found), np.abs(scale), rtol=1e-6)


def test_nothing_is_judged_without_batch_norm(bare):
    assert BatchNormScale().importance(bare) is None
