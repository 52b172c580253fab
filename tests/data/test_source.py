import numpy as np

from tfqnoise.data.source import Examples


def _examples(count):
    return Examples(
        np.array([f"{k:03}" for k in range(count)]), np.zeros((count, 1, 1, 1), np.uint8), np.arange(count)
    )


def test_spread_examples_come_from_the_whole_set_in_its_order_and_none_twice():
    chosen = _examples(100).spread(10)
    assert chosen.labels.tolist() == [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]
    assert chosen.ids.tolist() == [f"{k:03}" for k in chosen.labels]
    assert all(len(set(_examples(size).spread(7).labels)) == 7 for size in range(7, 40))


def test_more_than_there_are_is_all_of_them():
    assert _examples(3).spread(10).labels.tolist() == [0, 1, 2]
