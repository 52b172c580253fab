import numpy as np

from tfqnoise.backend import tf
from tfqnoise.hashing import keys_of, uniform, uniform_graph


def test_keys_are_fixed_for_all_time():
    """Another value here would change every run's labels and pictures."""
    np.testing.assert_array_equal(
        keys_of(["train_00001", "a/b.png"]), np.array([3376447087551885549, 6081340755068888190], np.uint64)
    )


def test_numbers_are_fixed_for_all_time():
    np.testing.assert_array_equal(
        uniform(np.array([0, 1], np.uint64), 0, 5), [0.14623465613318143, 0.7743991716672016]
    )


def test_graph_gives_numpys_numbers():
    keys = keys_of(map(str, range(2000)))
    for words in [(0,), (7, 3), (2**31 - 1, 2**40, 0)]:
        expected = uniform(keys, *words)
        np.testing.assert_array_equal(uniform_graph(tf.constant(keys), *words), expected)
        tensors = [tf.constant(w, tf.int64) for w in words]
        inside = tf.data.Dataset.from_tensors(keys).map(lambda k, w=tensors: uniform_graph(k, *w))
        np.testing.assert_array_equal(next(iter(inside)), expected)


def test_numbers_are_uniform_and_independent():
    keys = keys_of(map(str, range(100_000)))
    a, b, c = uniform(keys, 0, 1), uniform(keys, 0, 2), uniform(keys, 1, 1)
    for x in (a, b, c):
        assert x.min() >= 0
        assert x.max() < 1
        counts = np.histogram(x, 50, (0, 1))[0]
        assert ((counts - 2000) ** 2 / 2000).sum() < 100
    for x, y in ((a, b), (a, c), (b, c), (a[1:], a[:-1])):
        assert abs(np.corrcoef(x, y)[0, 1]) < 0.015
