import numpy as np

from tfqnoise.data import source as sources
from tfqnoise.recipe import Recipe


def test_digits_are_embedded_and_whole():
    source = sources.load(Recipe())
    assert len(source.train) + len(source.test) == 1797
    assert source.train.images.shape[1:] == (8, 8, 1)
    assert source.train.images.max() == 255
    assert source.class_names == tuple("0123456789")
    assert np.bincount(source.test.labels).min() > 20
