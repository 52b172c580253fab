import numpy as np
import pytest

from tfqnoise.backend import keras, tf
from tfqnoise.compression.clustering.codebook import Codebook, Codebooks
from tfqnoise.compression.clustering.snapped import Snapped

RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.normal(size=(3, 3, 8, 16)).astype(np.float32)


def _snapped(grid, kernel=KERNEL, clusters=16, with_zero=False, per_channel=True, groups=1):
    books = [Codebook(f"layer{n}", clusters, grid, "hard", with_zero) for n in range(groups)]
    codebooks = Codebooks(kernel, books)
    for each, part in codebooks.parts(kernel):
        each.start(part, "kmeans_plus_plus", 0)
    quantizer = Snapped(8, per_channel, len(books[0].centroids), grid, groups)
    variables = quantizer.build(tf.TensorShape(kernel.shape), "kernel", keras.layers.Layer())
    quantizer.place(kernel, variables, codebooks)
    return books[0] if groups == 1 else codebooks, quantizer, variables


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


@pytest.mark.parametrize("grid", ["free", "uniform"])
def test_each_group_of_channels_has_its_own_values_and_step(grid):
    """Sixteen channels of three sizes in three groups, of six, five and five."""
    groups = [slice(0, 6), slice(6, 11), slice(11, 16)]
    kernel = KERNEL.copy()
    for size, group in zip([1, 10, 100], groups, strict=True):
        kernel[..., group] *= size
    codebooks, quantizer, variables = _snapped(grid, kernel, clusters=5, groups=3)
    weight = tf.Variable(kernel)
    trained, inferred = (quantizer(weight, training, variables).numpy() for training in (True, False))
    np.testing.assert_allclose(trained, inferred, rtol=1e-5, atol=1e-5)
    steps = quantizer.step(weight, variables).numpy()
    upstream = RANDOM.normal(size=kernel.shape).astype(np.float32)
    name = "step" if grid == "uniform" else "centroids"
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(quantizer(weight, True, variables) * upstream)
    gradient = tape.gradient(loss, variables[name]).numpy().reshape(3, -1)
    for number, ((book, part), group) in enumerate(zip(codebooks.parts(kernel), groups, strict=True)):
        assert part.shape[-1] == group.stop - group.start
        values = quantizer.values(variables).numpy()[..., group]
        np.testing.assert_allclose(values, book.centroids.numpy()[book.assignments(part)], rtol=1e-6)
        assert len(np.unique(steps[group])) == 1
        assert len(np.unique(np.round(inferred[..., group] / steps[group]))) <= 5
        # A group's gradient is what it would be alone, but for the mean size of clusters.
        index, own = book.assignments(part), upstream[..., group]
        if grid == "uniform":
            expected = (own * book.codes[index]).sum() / np.sqrt(2 * kernel.size / 3)
        else:
            expected = np.array([own[index == k].sum() for k in range(5)]) * np.sqrt(15 / kernel.size)
        np.testing.assert_allclose(gradient[number], expected, rtol=1e-3, atol=1e-4)
    rows = quantizer.statistics("layer", weight, variables)
    assert [row["layer"] for row in rows] == ["layer/0", "layer/1", "layer/2"]
    for row, (book, part) in zip(rows, codebooks.parts(kernel), strict=True):
        np.testing.assert_allclose(np.sort(row["centroids"]), book.centroids, rtol=1e-6)
        assert row["entropy_bits"] == pytest.approx(book.statistics(part)["entropy_bits"])
    # Snapped weights lie within half a step of int8 from their centroids.
    assert all(row["error"] <= (steps.max() / 2) ** 2 for row in rows)


def test_zeros_stay_zero_while_centroids_are_trained():
    kernel = np.where(RANDOM.random(KERNEL.shape) < 0.5, 0, KERNEL)
    _, quantizer, variables = _snapped("free", kernel, with_zero=True)
    variables["centroids"].assign_add(tf.fill((16,), 0.7))
    assert (quantizer(tf.Variable(kernel), False, variables).numpy()[kernel == 0] == 0).all()
