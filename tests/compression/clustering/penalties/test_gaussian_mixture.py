import numpy as np
from scipy.stats import norm

from tfqnoise.backend import keras, tf
from tfqnoise.compression.clustering.penalties.gaussian_mixture import GaussianMixture

RANDOM = np.random.default_rng(0)


def test_it_is_the_negative_log_likelihood_of_the_mixture():
    weights = RANDOM.normal(size=400)
    centroids = np.array([-1.0, 0.2, 1.5])
    penalty = GaussianMixture()
    layer = keras.layers.Layer()
    variables = penalty.build(layer, 3)
    penalty.start(tf.constant(centroids, tf.float32), variables)
    log_precision, log_mixing = np.array([0.3, 1.2, -0.4]), np.array([0.1, -0.7, 0.5])
    variables["log_precision"].assign(log_precision)
    variables["log_mixing"].assign(log_mixing)
    mixing = np.exp(log_mixing) / np.exp(log_mixing).sum()
    density = (mixing * norm.pdf(weights[:, None], centroids, np.exp(-log_precision / 2))).sum(1)
    expected = np.exp(-log_precision).mean() * -np.log(density).sum()
    value = penalty(tf.constant(weights, tf.float32), tf.constant(centroids, tf.float32), variables)
    np.testing.assert_allclose(value, expected, rtol=1e-4)


def test_components_cannot_collapse():
    penalty = GaussianMixture()
    variables = penalty.build(keras.layers.Layer(), 2)
    variables["log_precision"].assign([100.0, 100.0])
    value = penalty(tf.constant([0.1, 0.9, 0.5]), tf.constant([0.0, 1.0]), variables)
    assert np.isfinite(value)


def test_a_component_beyond_the_limit_finds_back():
    """The limit cuts off the way further up, not the way down."""
    penalty = GaussianMixture()
    variables = penalty.build(keras.layers.Layer(), 2)
    variables["log_precision"].assign([100.0, 100.0])
    centroids = tf.constant([0.0, 1.0])

    def gradient(weights):
        with tf.GradientTape() as tape:
            value = penalty(tf.constant(weights), centroids, variables)
        return tape.gradient(value, variables["log_precision"]).numpy()

    assert (gradient([0.3, 0.7]) > 0).all()
    assert (gradient([0.0, 1.0]) == 0).all()
