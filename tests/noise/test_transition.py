import numpy as np
import pytest

from tfqnoise.backend import tf
from tfqnoise.hashing import keys_of
from tfqnoise.noise import registry
from tfqnoise.noise.transition import TransitionNoise, draw, draw_graph, tables

KEYS = keys_of(map(str, range(4000)))
LABELS = np.arange(4000) % 10


WITH_RATE = [
    name
    for name, entry in registry.entries().items()
    if issubclass(entry.factory, TransitionNoise) and "rate" in entry.sample
]


@pytest.mark.parametrize("name", WITH_RATE)
def test_numpy_and_graph_give_identical_labels(name):
    matrix = registry.get({"name": name, **registry.entry(name).sample}).transition(tuple("abcdefghij"))
    expected = draw(matrix, KEYS, LABELS, 11)
    np.testing.assert_array_equal(draw_graph(matrix, tf.constant(KEYS), tf.constant(LABELS), 11), expected)
    dataset = tf.data.Dataset.from_tensor_slices((KEYS, LABELS)).batch(77)
    mapped = dataset.map(lambda k, y: draw_graph(matrix, k, y, 11))
    np.testing.assert_array_equal(np.concatenate(list(mapped.as_numpy_iterator())), expected)


def test_a_label_depends_on_seed_id_and_label_only():
    matrix = registry.get("symmetric", rate=0.4).transition(tuple("abcdefghij"))
    given = draw(matrix, KEYS, LABELS, 0)
    order = np.random.default_rng(0).permutation(len(KEYS))
    np.testing.assert_array_equal(draw(matrix, KEYS[order], LABELS[order], 0), given[order])
    np.testing.assert_array_equal(draw(matrix, KEYS[5:9], LABELS[5:9], 0), given[5:9])
    assert (draw(matrix, KEYS, LABELS, 1) != given).mean() > 0.3


def test_any_matrix_is_drawn_even_with_impossible_labels():
    matrix = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.9, 0.0, 0.1]])
    given = draw(matrix, KEYS, LABELS % 3, 0)
    assert set(given[LABELS % 3 == 0]) == {0, 1}
    assert set(given[LABELS % 3 == 1]) == {1}
    assert set(given[LABELS % 3 == 2]) == {0, 2}
    # The largest number below 1 still falls on a possible label.
    assert (tables(matrix)[1][[0, 2], [1, 0]] == 1).all()


@pytest.mark.parametrize(
    "matrix", [np.ones((2, 3)) / 3, [[0.5, 0.6], [0, 1]], [[1.5, -0.5], [0, 1]], [[np.nan, 1], [0, 1]]]
)
def test_what_is_no_transition_matrix_is_refused(matrix):
    with pytest.raises(ValueError, match="transition matrix"):
        tables(np.array(matrix))


def test_effective_rates_follow_the_conventions():
    for name, expected in (("symmetric", 0.4 * 0.9), ("symmetric_exclusive", 0.4)):
        matrix = registry.get(name, rate=0.4).transition(tuple("abcdefghij"))
        np.testing.assert_allclose(1 - np.diag(matrix), expected)
