import numpy as np
import pytest

from tfqnoise.hashing import keys_of
from tfqnoise.noise import Truth
from tfqnoise.noise.instance import Instance, features, flip_rates, projection

KEYS = keys_of(map(str, range(20_000)))
NAMES = tuple("abcdefghij")


def _truth(images, labels):
    return Truth(np.array([str(n) for n in range(len(labels))]), np.array(labels), images, NAMES)


@pytest.mark.parametrize("rate", [0.0, 0.03, 0.2, 0.5, 0.8, 0.99])
def test_rates_have_the_stated_mean_and_deviation(rate):
    rates = flip_rates(rate, KEYS, 0)
    assert rates.min() >= 0
    assert rates.max() <= 1
    # A standard normal within [-2, 2] has the deviation 0.8796.
    deviation = 0.08796 * min(1, rate / 0.2, (1 - rate) / 0.2)
    assert rates.mean() == pytest.approx(rate, abs=5 * deviation / np.sqrt(len(KEYS)))
    assert rates.std() == pytest.approx(deviation, rel=0.03)


def test_no_rate_falls_as_the_mean_rises():
    rates = np.array([flip_rates(rate, KEYS[:3000], 0) for rate in np.linspace(0, 0.999, 60)])
    assert (np.diff(rates, axis=0) >= -1e-12).all()


@pytest.mark.parametrize("shape", [(32, 32, 3), (8, 8, 1), (5, 40, 1), (17, 9, 4), (1, 1, 1)])
def test_features_are_standardised_averages(shape):
    height, width, channels = shape
    images = np.random.default_rng(0).integers(0, 256, (6, *shape), np.uint8)
    found = features(images)
    rows, columns = min(8, height), min(8, width)
    assert found.shape == (6, rows * columns * channels)
    means = np.empty((6, rows, columns, channels))
    for i in range(rows):
        for j in range(columns):
            top, bottom = (n * height // rows for n in (i, i + 1))
            left, right = (n * width // columns for n in (j, j + 1))
            means[:, i, j] = images[:, top:bottom, left:right].mean(axis=(1, 2))
    flat = means.reshape(6, -1)
    deviation = flat.std(axis=1, keepdims=True)
    np.testing.assert_allclose(found * deviation, flat - flat.mean(axis=1, keepdims=True), atol=1e-9)


@pytest.mark.parametrize("side", [7, 8, 30, 33])
def test_a_flat_picture_has_no_features_and_errs_anywhere(side):
    assert not features(np.full((2, side, side, 3), 77, np.uint8)).any()
    labels = np.arange(2000) % 10
    given = Instance(0.9).given(_truth(np.full((2000, side, side, 1), 77, np.uint8), labels), 0)
    counts = np.bincount((given - labels) % 10, minlength=10)
    assert counts[1:].min() > 120


def test_weights_are_standard_normal_and_belong_to_a_class():
    weights = projection(192, 100, 3, 0)
    assert weights.shape == (192, 100)
    assert weights.mean() == pytest.approx(0, abs=0.03)
    assert weights.std() == pytest.approx(1, abs=0.02)
    assert np.mean(np.abs(weights) < 1) == pytest.approx(0.6827, abs=0.02)
    assert np.abs(np.corrcoef(weights.ravel(), projection(192, 100, 4, 0).ravel())[0, 1]) < 0.04
    assert np.abs(np.corrcoef(weights.ravel(), projection(192, 100, 3, 1).ravel())[0, 1]) < 0.04


@pytest.mark.parametrize("label", [0, 4, 9])
def test_the_same_picture_errs_to_its_stated_distribution(label):
    """One picture under many ids, against the softmax computed one by one."""
    picture = np.random.default_rng(0).integers(0, 256, (1, 2, 1, 1), np.uint8)
    count = 20_000
    given = Instance(0.5).given(_truth(np.repeat(picture, count, axis=0), np.full(count, label)), 3)
    scores = features(picture)[0] @ projection(2, 10, label, 3)
    share = np.exp(scores)
    share[label] = 0
    share *= 0.5 / share.sum()
    share[label] = 0.5
    counts = np.bincount(given, minlength=10) / count
    assert (np.abs(counts - share) <= 5 * np.sqrt(share * (1 - share) / count)).all()


def test_what_a_label_becomes_depends_on_the_picture():
    images = np.random.default_rng(0).integers(0, 256, (2000, 8, 8, 1), np.uint8)
    labels = np.zeros(2000, np.int64)
    one = Instance(0.9).given(_truth(images, labels), 0)
    other = Instance(0.9).given(_truth(images[::-1], labels), 0)
    np.testing.assert_array_equal(one > 0, other > 0)
    assert np.mean(one != other) > 0.5
