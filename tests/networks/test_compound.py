import math

import pytest

from tfqnoise.errors import UsageError
from tfqnoise.networks.compound import compound, counted, search, theoretical


def test_the_papers_constants_double_the_macs():
    assert compound(0) == (1, 1, 1)
    assert compound(1) == (1.2, 1.1, 1.15)
    assert theoretical(*compound(1)) == pytest.approx(2, rel=0.05)
    assert theoretical(*compound(3)) == pytest.approx(theoretical(*compound(1)) ** 3)
    assert theoretical(*compound(-1)) < 1


@pytest.mark.parametrize("alpha", [0.0, -1.0, math.nan, math.inf])
def test_bases_are_positive(alpha):
    with pytest.raises(UsageError, match="alpha"):
        compound(1, alpha=alpha)


def test_the_search_finds_the_best_within_the_budget():
    """Against all points by hand; the papers' own constants win where they are the aim."""
    asked = []

    def evaluate(*point):
        asked.append(point)
        return -sum((value - aim) ** 2 for value, aim in zip(point, (1.2, 1.1, 1.15), strict=True))

    assert search(evaluate) == pytest.approx((1.2, 1.1, 1.15))
    assert all(abs(theoretical(*point) - 2) <= 0.1 for point in asked)
    # Depth alone would have to be 2, which the grid doesn't hold: width and resolution share what is left.
    alpha, beta, gamma = search(lambda alpha, beta, gamma: alpha)
    assert alpha == pytest.approx(1.4)
    assert theoretical(alpha, beta, gamma) == pytest.approx(2, abs=0.1)


def test_a_grid_that_misses_the_budget_is_refused():
    with pytest.raises(UsageError, match="nearest point is"):
        search(lambda *point: 0, grid=(1.0, 1.01))


def test_counted_macs_are_near_the_rule():
    growth = counted({"name": "efficientnet_lite0", "depth": 0.5}, 96, 10)
    assert growth(1.0, 1.0, 1.0) == 1
    # Stem and head of the lite form stay, and blocks are rounded up.
    assert growth(*compound(1)) == pytest.approx(theoretical(*compound(1)), rel=0.3)
