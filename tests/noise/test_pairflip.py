import numpy as np

from tfqnoise.noise.pairflip import Pairflip


def test_each_class_is_taken_for_the_next():
    matrix = Pairflip(0.25).transition(("a", "b", "c"))
    np.testing.assert_array_equal(matrix, [[0.75, 0.25, 0], [0, 0.75, 0.25], [0.25, 0, 0.75]])
