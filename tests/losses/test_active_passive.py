import numpy as np
import pytest

from tfqnoise.errors import UsageError
from tfqnoise.losses.active_passive import (
    check,
    normalised_cross_entropy,
    normalised_focal,
    reverse_cross_entropy,
)

LOGITS = (3 * np.random.default_rng(0).normal(size=(50, 5))).astype(np.float32)
GIVEN = np.arange(50) % 5
LABELS = np.eye(5, dtype=np.float32)[GIVEN]
P = np.exp(LOGITS.astype(float)) / np.exp(LOGITS.astype(float)).sum(axis=1, keepdims=True)


def test_normalised_cross_entropy_against_numpy():
    expected = np.log(P[np.arange(50), GIVEN]) / np.log(P).sum(axis=1)
    np.testing.assert_allclose(normalised_cross_entropy(LABELS, LOGITS), expected, rtol=1e-4)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_normalised_focal_against_numpy(gamma):
    each = -((1 - P) ** gamma) * np.log(P)
    expected = each[np.arange(50), GIVEN] / each.sum(axis=1)
    np.testing.assert_allclose(normalised_focal(LABELS, LOGITS, gamma), expected, rtol=1e-3)


def test_normalised_focal_without_gamma_is_normalised_cross_entropy():
    np.testing.assert_allclose(
        normalised_focal(LABELS, LOGITS, 0.0), normalised_cross_entropy(LABELS, LOGITS), rtol=1e-6
    )


@pytest.mark.parametrize("loss", [normalised_cross_entropy, lambda y, x: normalised_focal(y, x, 0.5)])
def test_normalised_losses_lie_between_0_and_1_and_sum_to_1_over_labels(loss):
    extreme = np.concatenate([LOGITS, [[1e4, 0, 0, 0, 0], [-1e4, 0, 1e4, 0, 5]]]).astype(np.float32)
    values = np.stack([loss(np.eye(5, dtype=np.float32)[np.full(52, k)], extreme) for k in range(5)])
    assert values.min() >= 0
    assert values.max() <= 1
    np.testing.assert_allclose(values.sum(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize("floor", [1e-4, np.exp(-4)])
def test_reverse_cross_entropy_is_cross_entropy_with_sides_swapped(floor):
    expected = -(P * np.log(np.clip(LABELS, floor, 1))).sum(axis=1)
    np.testing.assert_allclose(reverse_cross_entropy(LABELS, LOGITS, floor), expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": -1, "beta": 1}, "not both 0"),
        ({"alpha": 0, "beta": 0}, "not both 0"),
        ({"alpha": 1, "beta": float("nan")}, "not both 0"),
        ({"alpha": float("inf"), "beta": 1}, "not both 0"),
        ({"alpha": 1, "beta": 1, "floor": 0}, "floor in"),
        ({"alpha": 1, "beta": 1, "floor": 1}, "floor in"),
        ({"alpha": 1, "beta": 1, "gamma": -1, "floor": 0.1}, "gamma of at least 0, floor in"),
    ],
)
def test_settings_out_of_limits_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        check("a_loss", **settings)


def test_weights_of_0_and_settings_in_limits_are_taken():
    check("a_loss", 0, 1, gamma=0, floor=0.5)
    check("a_loss", 1, 0)
