import numpy as np

from tfqnoise.compression.pruning.criteria.weight_sum import WeightSum


def test_it_is_the_sum_of_absolute_weights(evidence):
    found = evidence("conv1")
    kernel = found.network.get_layer("conv1").kernel.numpy()
    expected = [sum(abs(float(v)) for v in kernel[..., j].ravel()) for j in range(kernel.shape[-1])]
    np.testing.assert_allclose(WeightSum().importance(found), expected, rtol=1e-5)


def test_coupled_filters_count_together(evidence):
    found = evidence("stem")
    assert found.group.layers == ("stem", "conv2")
    sums = [np.abs(found.network.get_layer(name).kernel.numpy()).sum(axis=(0, 1, 2)) for name in found.group.layers]
    np.testing.assert_allclose(WeightSum().importance(found), np.mean(sums, axis=0), rtol=1e-5)
