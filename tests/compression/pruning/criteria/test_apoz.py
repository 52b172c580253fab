import dataclasses

import numpy as np

from tfqnoise.backend import keras
from tfqnoise.compression.pruning.channels import trace
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


def test_every_use_of_a_shared_relu_counts(bare):
    layers = keras.layers
    image, relu = keras.Input((8, 8, 2)), layers.ReLU(name="relu")
    first = relu(layers.Conv2D(4, 3, padding="same", name="made")(image))
    second = relu(layers.Rescaling(1.0, -0.1)(first))
    network = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Add()([first, second]))))
    channels = trace(network)
    found = dataclasses.replace(bare, network=network, channels=channels, group=channels.groups[0])
    values = [v.numpy() for v in keras.Model(image, [first, second])(found.pictures)]
    expected = np.mean([(v != 0).mean(axis=(0, 1, 2)) for v in values], axis=0)
    np.testing.assert_allclose(Apoz().importance(found), expected, rtol=1e-6)
