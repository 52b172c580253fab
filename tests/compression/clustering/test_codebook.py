import numpy as np
import pytest

from tfqnoise.backend import keras, tf
from tfqnoise.compression.clustering.codebook import Codebook, Codebooks, group_count, group_sizes
from tfqnoise.errors import TrainingError

RANDOM = np.random.default_rng(0)
MEANS = np.array([-1.0, -0.2, 0.3, 1.1])
MIXTURE = np.concatenate([RANDOM.normal(m, 0.05, 800) for m in MEANS]).astype(np.float32).reshape(4, 4, 10, 20)


def _train(book, kernel, steps=150, weight=1.0):
    optimizer, variables = keras.optimizers.SGD(0.1), [kernel, *book.trainable_weights]
    optimizer.build(variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = book(kernel, weight)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    for _ in range(steps):
        step()


@pytest.mark.parametrize("penalty", ["hard", "soft", "gaussian_mixture"])
@pytest.mark.parametrize("initialisation", ["linear", "density"])
def test_centroids_find_the_means_of_gaussians(penalty, initialisation):
    """From poor starts, with the weights held where they are."""
    book = Codebook("layer", 4, "free", penalty)
    book.start(MIXTURE, initialisation, 0)
    _train(book, tf.Variable(MIXTURE), weight=0.0)
    np.testing.assert_allclose(book.centroids, MEANS, atol=0.03)


@pytest.mark.parametrize("penalty", ["hard", "soft", "gaussian_mixture"])
def test_weights_are_drawn_to_their_centroids(penalty):
    book, kernel = Codebook("layer", 4, "free", penalty), tf.Variable(MIXTURE)
    book.start(kernel, "kmeans_plus_plus", 0)
    before = book.statistics(kernel)
    _train(book, kernel, 30)
    after = book.statistics(kernel)
    assert after["error"] < 0.1 * before["error"]
    assert after["occupied"] == 4
    assert after["entropy_bits"] == pytest.approx(2.0, abs=0.01)


def test_gradients_are_those_of_the_penalty_scaled():
    book, kernel = Codebook("layer", 4, "free", "hard"), tf.Variable(MIXTURE)
    book.start(kernel, "linear", 0)
    with tf.GradientTape() as tape:
        value = book(kernel, 0.25)
    by_kernel, by_centroids = tape.gradient(value, [kernel, book.parameter])
    centroids = book.parameter.numpy()
    index = np.argmin(np.abs(MIXTURE[..., None] - centroids), axis=-1)
    distance = MIXTURE - centroids[index]
    np.testing.assert_allclose(by_kernel, 0.25 * distance, atol=1e-6)
    sums = [-distance[index == k].sum() * 4 / MIXTURE.size for k in range(4)]
    np.testing.assert_allclose(by_centroids, sums, rtol=1e-3, atol=1e-6)


def test_groups_of_channels_have_penalties_of_their_own():
    kernel = tf.Variable(MIXTURE)
    books = [Codebook(f"layer/{n}", 4, "free", "hard") for n in range(3)]
    codebooks = Codebooks(kernel, books)
    parts = [part for _, part in codebooks.parts(kernel)]
    assert [part.shape[-1] for part in parts] == group_sizes(20, 3) == [7, 7, 6]
    np.testing.assert_array_equal(np.concatenate(parts, -1), MIXTURE)
    for book, part in codebooks.parts(kernel):
        book.start(part, "linear", 0)
    with tf.GradientTape() as tape:
        value = codebooks(kernel, 0.5)
    gradients = tape.gradient(value, kernel).numpy()
    assert float(value) == pytest.approx(sum(float(b(p, 0.5)) for b, p in zip(books, parts, strict=True)), rel=1e-6)
    distances = [p - b.centroids.numpy()[b.assignments(p)] for b, p in zip(books, parts, strict=True)]
    np.testing.assert_allclose(gradients, 0.5 * np.concatenate(distances, -1), atol=1e-6)


@pytest.mark.parametrize(
    ("channels", "weights", "clusters", "codebooks", "expected"),
    [(16, 2304, 16, 4, 4), (16, 2304, 16, 64, 16), (16, 2304, 16, 1, 1), (8, 72, 16, 8, 4), (1, 9, 4, 8, 1)],
)
def test_groups_have_more_weights_than_values(channels, weights, clusters, codebooks, expected):
    count = group_count(channels, weights, clusters, codebooks)
    assert count == expected
    assert count == 1 or min(group_sizes(channels, count)) * weights // channels > clusters


def test_a_uniform_grid_learns_its_step():
    kernel = tf.Variable(
        (0.25 * RANDOM.integers(-7, 8, (30, 40)) + RANDOM.normal(0, 0.02, (30, 40))).astype(np.float32)
    )
    book = Codebook("layer", 16, "uniform", "hard")
    book.start(kernel, "linear", 0)
    assert float(book.parameter) == pytest.approx(0.25, rel=0.05)
    book.parameter.assign(0.27)
    _train(book, kernel, weight=0.0)
    assert float(book.parameter) == pytest.approx(0.25, rel=0.01)
    assert len(book.centroids) == 15
    np.testing.assert_allclose(np.diff(book.centroids), 0.25, rtol=0.01)


def test_an_empty_centroid_is_revived_where_weights_are_served_worst():
    book = Codebook("layer", 4, "free", "hard")
    book.parameter.assign([-1.0, -0.2, 0.3, 50.0])
    assert book.revive(MIXTURE) == 1
    assert 1.1 < book.centroids.numpy().max() < 1.4
    assert book.statistics(MIXTURE)["occupied"] == 4
    assert book.revive(MIXTURE) == 0


def test_zeros_of_a_pruned_kernel_keep_their_centroid():
    kernel = np.where(RANDOM.random(MIXTURE.shape) < 0.5, 0, MIXTURE)
    book = Codebook("layer", 4, "free", "hard", with_zero=True)
    book.start(kernel, "kmeans_plus_plus", 0)
    assert book.parameter.shape == (3,)
    centroids = book.centroids.numpy()
    assert len(centroids) == 4
    assert (centroids[book.assignments(kernel)][kernel == 0] == 0).all()


@pytest.mark.parametrize("grid", ["free", "uniform"])
@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_kernel_of_one_value_is_no_problem(grid, value):
    kernel = tf.Variable(np.full((3, 3, 4, 5), value, np.float32))
    book = Codebook("layer", 8, grid, "hard")
    book.start(kernel, "kmeans_plus_plus", 0)
    _train(book, kernel, 3)
    book.revive(kernel)
    assert np.isfinite(book.centroids).all()
    assert book.statistics(kernel)["occupied"] == 1


def test_a_kernel_with_nan_is_refused():
    kernel = MIXTURE.copy()
    kernel[0, 0, 0, :3] = np.nan
    with pytest.raises(TrainingError, match="stem has 3 weights that are no numbers"):
        Codebook("stem", 4, "free", "hard").start(kernel, "linear", 0)


def test_values_of_a_clustered_kernel_are_taken_over():
    book = Codebook("layer", 6, "free", "hard")
    book.take(MEANS[RANDOM.integers(0, 4, 100)].astype(np.float32))
    np.testing.assert_allclose(np.unique(book.centroids), MEANS, rtol=1e-6)
