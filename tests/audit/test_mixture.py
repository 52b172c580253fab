import numpy as np
import pytest

from tfqnoise.audit import mixture


def test_two_groups_part_where_their_densities_cross():
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(0, 1, 3000), random.normal(6, 1, 3000)])
    assert mixture.crossing(values) == pytest.approx(3, abs=0.1)
    assert mixture.crossing(values[::-1]) == mixture.crossing(values)
    # Twice as many of the lower move it by log 2 / 6 towards the upper.
    values = np.concatenate([random.normal(0, 1, 6000), random.normal(6, 1, 3000)])
    assert mixture.crossing(values) == pytest.approx(3 + np.log(2) / 6, abs=0.1)


def test_far_values_stay_with_their_side():
    """The lower group is the wider one, so its density wins again above the upper; that must not count."""
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(0, 3, 3000), random.normal(9, 0.3, 3000), [30.0]])
    place = mixture.crossing(values)
    assert 5 < place < 9


def test_equal_values_have_no_crossing():
    assert mixture.crossing(np.ones(5)) == np.inf
    assert mixture.crossing(np.ones(1)) == np.inf
    assert mixture.crossing(np.ones(0)) == np.inf


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(4.0, [0, 0.25, 0.5, 1]), (np.inf, [0, 0.125, 0.25, 0.5]), (16.0, [0, 0.0625, 0.125, 0.25])],
)
def test_the_threshold_is_one_half(threshold, expected):
    np.testing.assert_allclose(mixture.position(np.array([0.0, 2, 4, 8]), threshold), expected)


def test_a_threshold_below_all_values_leaves_the_upper_half():
    np.testing.assert_allclose(mixture.position(np.array([2.0, 4]), 0.0), [0.75, 1])
    np.testing.assert_array_equal(mixture.position(np.ones(3), np.inf), 0)
