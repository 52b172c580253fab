import numpy as np
import pytest

from tfqnoise.backend import tf
from tfqnoise.compression.clustering.schedules import SCHEDULES
from tfqnoise.recipe import PENALTY_SCHEDULES


def test_the_recipe_knows_them_all():
    assert set(PENALTY_SCHEDULES) == set(SCHEDULES)


@pytest.mark.parametrize("name", SCHEDULES)
def test_it_ends_at_the_whole_weight_and_never_falls(name):
    values = np.array([float(SCHEDULES[name](tf.constant(t))) for t in np.linspace(0, 1, 11, dtype=np.float32)])
    assert values[-1] == pytest.approx(1)
    assert values[0] == (1 if name == "constant" else 0)
    assert (np.diff(values) >= 0).all()
    assert values[5] == pytest.approx({"constant": 1, "cubic": 0.125}.get(name, 0.5))
