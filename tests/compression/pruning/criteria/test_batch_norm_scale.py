import dataclasses

import numpy as np

from tfqnoise.backend import keras
from tfqnoise.compression.pruning.channels import trace
from tfqnoise.compression.pruning.criteria.batch_norm_scale import BatchNormScale


def test_it_is_the_size_of_the_scale_whatever_its_sign(evidence):
    found = evidence("conv1")
    scale = found.network.get_layer("conv1_bn").gamma.numpy()
    assert (scale < 0).any()
    np.testing.assert_allclose(BatchNormScale().importance(found), np.abs(scale), rtol=1e-6)


def test_nothing_is_judged_without_batch_norm(evidence):
    layers = keras.layers
    image = keras.Input((8, 8, 2))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="alone")(image))
    network = keras.Model(image, layers.Dense(2)(x))
    channels = trace(network)
    bare = dataclasses.replace(evidence("conv1"), network=network, channels=channels, group=channels.groups[0])
    assert BatchNormScale().importance(bare) is None
