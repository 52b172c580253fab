"""A small residual network to judge."""

import dataclasses

import numpy as np
import pytest

from tfqnoise.backend import keras
from tfqnoise.compression.pruning.channels import trace
from tfqnoise.compression.pruning.criteria import Evidence

layers = keras.layers


def _convolution(x, filters, name):
    x = layers.Conv2D(filters, 3, padding="same", name=name)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


@pytest.fixture(scope="session")
def evidence():
    """Returns what there is to judge a group by, given its name, for a network with random weights."""

    def of(name, pictures=20):
        keras.utils.set_random_seed(3)
        image = keras.Input((8, 8, 2))
        stem = layers.ReLU(name="stem_relu")(_convolution(image, 6, "stem"))
        x = layers.ReLU(name="conv1_relu")(_convolution(stem, 8, "conv1"))
        x = layers.Add()([stem, _convolution(x, 6, "conv2")])
        features = layers.GlobalAveragePooling2D()(layers.ReLU(name="sum_relu")(x))
        network = keras.Model(image, layers.Dense(3, name="logits")(features))
        random = np.random.default_rng(0)
        for layer in network.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.gamma.assign(random.uniform(-1, 1, layer.gamma.shape))
                layer.beta.assign(random.normal(0, 0.5, layer.beta.shape))
        channels = trace(network)
        group = next(group for group in channels.groups if group.name == name)
        return Evidence(network, channels, group, random.random((pictures, 8, 8, 2)).astype(np.float32))

    return of


@pytest.fixture
def bare(evidence):
    """What there is to judge a convolution by that has neither batch norm nor ReLU."""
    image = keras.Input((8, 8, 2))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="alone")(image))
    network = keras.Model(image, layers.Dense(2)(x))
    channels = trace(network)
    return dataclasses.replace(evidence("conv1"), network=network, channels=channels, group=channels.groups[0])
