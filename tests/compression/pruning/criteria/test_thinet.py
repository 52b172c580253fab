import itertools

import numpy as np
import pytest

from tfqnoise.compression.pruning import surgery
from tfqnoise.compression.pruning.criteria.thinet import Thinet
from tfqnoise.compression.pruning.responses import contributions
from tfqnoise.errors import UsageError


def _rows(found):
    return np.concatenate(
        list(contributions(found.network, found.channels, found.group, found.pictures, found.seed).values())
    )


def test_channels_go_greedily_by_what_is_lost_with_those_gone_before(evidence):
    found = evidence("conv1")
    rows, left, lost = _rows(found), list(range(8)), []
    while left:
        left.remove(best := min(left, key=lambda j: (rows[:, [*lost, j]].sum(axis=1) ** 2).sum()))
        lost.append(best)
    assert np.argsort(Thinet().importance(found), kind="stable").tolist() == lost


def test_a_channel_that_nothing_reads_goes_first(evidence):
    found = evidence("conv1")
    reader = found.network.get_layer("conv2")
    kernel = reader.kernel.numpy()
    kernel[:, :, 5] = 0
    reader.kernel.assign(kernel)
    assert Thinet().importance(found)[5] < 1e-9


def test_all_layers_that_read_a_stream_count(evidence):
    assert _rows(evidence("stem")).shape == (2 * 20 * 10, 6)


def test_rescaling_solves_the_pulled_least_squares(evidence):
    found, kept = evidence("conv1"), np.arange(8) % 2 == 0
    rows = _rows(found)
    factors = Thinet(ridge=0).multipliers(found, kept)["conv2"]
    best = np.linalg.lstsq(rows[:, kept], rows.sum(axis=1), rcond=None)[0]
    np.testing.assert_allclose(rows[:, kept] @ factors[kept], rows[:, kept] @ best, atol=1e-6)
    np.testing.assert_array_equal(factors[~kept], 1)
    # An infinite pull leaves the kernels as they are.
    np.testing.assert_allclose(Thinet(ridge=1e9).multipliers(found, kept)["conv2"], 1, atol=1e-6)
    assert Thinet(rescale=False).multipliers(found, kept) == {}
    assert Thinet().multipliers(found, np.ones(8, bool)) == {}


def test_rescaling_lessens_what_the_network_loses(evidence):
    """Where channels are alike, and read alike, those that stay stand in for those that go."""
    found = evidence("conv1", pictures=100)
    for name in ("kernel", "bias"):
        weight = getattr(found.network.get_layer("conv1"), name)
        value = weight.numpy()
        value[..., 4:] = value[..., :4]
        weight.assign(value)
    norm = found.network.get_layer("conv1_bn")
    for weight in norm.weights:
        weight.assign(np.tile(weight.numpy()[:4], 2))
    reader = found.network.get_layer("conv2").kernel
    reader.assign(np.tile(reader.numpy()[:, :, :4], (1, 1, 2, 1)))
    before = found.network(found.pictures).numpy()
    kept = np.arange(8) < 4
    smaller = surgery.without(found.network, found.channels, found.group.units[~kept])
    without = np.abs(smaller(found.pictures) - before).mean()
    kernel = smaller.get_layer("conv2").kernel
    factors = Thinet().multipliers(found, kept)["conv2"][kept]
    kernel.assign(kernel * factors[:, None].astype(np.float32))
    assert np.abs(smaller(found.pictures) - before).mean() < 0.05 * without


def test_the_choice_is_near_the_best_there_is(evidence):
    """Of all ways to remove three of eight channels, the greedy one is among the best tenth."""
    found = evidence("conv1")
    rows = _rows(found)
    order = np.argsort(Thinet().importance(found), kind="stable")[:3]
    values = sorted((rows[:, chosen].sum(axis=1) ** 2).sum() for chosen in itertools.combinations(range(8), 3))
    assert (rows[:, order].sum(axis=1) ** 2).sum() <= values[len(values) // 10]


def test_a_negative_pull_is_refused():
    with pytest.raises(UsageError, match="at least 0"):
        Thinet(ridge=-1)
