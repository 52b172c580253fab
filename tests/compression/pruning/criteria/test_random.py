import dataclasses

import numpy as np

from tfqnoise.compression.pruning.criteria.random import Random


def test_chance_belongs_to_seed_and_group(evidence):
    one, other = evidence("conv1"), evidence("stem")
    drawn = Random().importance(one)
    np.testing.assert_array_equal(drawn, Random().importance(one))
    assert (drawn != Random().importance(dataclasses.replace(one, seed=1))).all()
    assert not np.isin(Random().importance(other), drawn).any()
