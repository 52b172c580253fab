import numpy as np

from tfqnoise import networks
from tfqnoise.compression.clustering import tfmot

IMAGES = np.random.default_rng(0).random((4, 8, 8, 1)).astype(np.float32)


def test_wrapped_and_stripped_it_has_k_values_and_leaves_the_given_network_alone():
    plain = networks.get("resnet8", width=0.25)((8, 8, 1), 3)
    before = plain.get_weights()
    wrapped = tfmot.wrap(plain, {"stem", "logits"}, 6, sparse=False)
    wrapped(IMAGES, training=True)
    stripped = tfmot.strip(wrapped)
    for layer in ("stem", "logits"):
        assert len(np.unique(stripped.get_layer(layer).kernel)) <= 6
    assert len(np.unique(stripped.get_layer("stage1_block1_conv1").kernel)) > 100
    for one, other in zip(before, plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_zeros_stay():
    plain = networks.get("resnet8", width=0.25)((8, 8, 1), 3)
    kernel = plain.get_layer("stage1_block1_conv1").kernel
    zeros = np.random.default_rng(0).random(kernel.shape) < 0.5
    kernel.assign(np.where(zeros, 0, kernel))
    wrapped = tfmot.wrap(plain, {"stage1_block1_conv1"}, 6, sparse=True)
    wrapped(IMAGES, training=True)
    assert (tfmot.strip(wrapped).get_layer("stage1_block1_conv1").kernel.numpy()[zeros] == 0).all()
