import numpy as np
import pytest

from tfqnoise.backend import keras, tf
from tfqnoise.compression.clustering.codebook import Codebook
from tfqnoise.compression.clustering.snapped import Snapped

RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.normal(size=(3, 3, 8, 16)).astype(np.float32)


def _snapped(grid, kernel=KERNEL, clusters=16, with_zero=False, per_channel=True):
    book = Codebook("layer", clusters, grid, "hard", with_zero)
    book.start(kernel, "kmeans_plus_plus", 0)
    quantizer = Snapped(8, per_channel, len(book.centroids), grid)
    variables = quantizer.build(tf.TensorShape(kernel.shape), "kernel", keras.layers.Layer())
    quantizer.place(kernel, variables, book)
    return book, quantizer, variables


@pytest.mark.parametrize("grid", ["free", "uniform"])
@pytest.mark.parametrize("per_channel", [True, False])
def test_it_holds_k_values_that_int8_holds_too(grid, per_channel):
    book, quantizer, variables = _snapped(grid, per_channel=per_channel)
    weight = tf.Variable(KERNEL)
    trained, inferred = (quantizer(weight, training, variables).numpy() for training in (True, False))
    np.testing.assert_allclose(trained, inferred, atol=1e-6)
    assert len(np.unique(inferred)) <= 16
    step = np.unique(quantizer.step(weight, variables))
    assert len(step) == 1
    codes = np.round(inferred / step)
    assert np.abs(codes).max() == (127 if grid == "free" else 7)
    np.testing.assert_allclose(inferred, codes * step, rtol=1e-5)
    quantizer.settle(weight, variables)
    np.testing.assert_allclose(weight, book.centroids.numpy()[book.assignments(KERNEL)], rtol=1e-6)


def test_the_gradient_of_a_centroid_is_the_sum_over_its_cluster():
    _, quantizer, variables = _snapped("free")
    upstream = RANDOM.normal(size=KERNEL.shape).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(quantizer(tf.Variable(KERNEL), True, variables) * upstream)
    index = variables["assignments"].numpy()
    sums = np.array([upstream[index == k].sum() for k in range(16)])
    np.testing.assert_allclose(
        tape.gradient(loss, variables["centroids"]), sums * np.sqrt(16 / KERNEL.size), rtol=1e-3, atol=1e-4
    )


def test_the_gradient_of_a_step_is_summed_over_the_kernel():
    _, quantizer, variables = _snapped("uniform")
    upstream = RANDOM.normal(size=KERNEL.shape).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(quantizer(tf.Variable(KERNEL), True, variables) * upstream)
    expected = (upstream * variables["assignments"].numpy()).sum() / np.sqrt(7 * KERNEL.size)
    np.testing.assert_allclose(tape.gradient(loss, variables["step"]), expected, rtol=1e-3)


def test_zeros_stay_zero_while_centroids_are_trained():
    kernel = np.where(RANDOM.random(KERNEL.shape) < 0.5, 0, KERNEL)
    _, quantizer, variables = _snapped("free", kernel, with_zero=True)
    variables["centroids"].assign_add(tf.fill((16,), 0.7))
    assert (quantizer(tf.Variable(kernel), False, variables).numpy()[kernel == 0] == 0).all()
