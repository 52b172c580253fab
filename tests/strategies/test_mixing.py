import numpy as np
import pytest
from scipy import stats

from tfqnoise.backend import tf
from tfqnoise.strategies.mixing import mixed, partner, pasted, share


def _batch(number):
    return {"number": tf.constant(number, tf.int64)}


@pytest.mark.parametrize("alpha", [0.4, 1.0, 8.0])
def test_shares_are_drawn_from_beta(alpha):
    numbers = tf.range(4000, dtype=tf.int64)
    draw = tf.function(lambda: tf.map_fn(lambda n: share({"number": n}, alpha, 3), numbers, tf.float32))
    shares = draw().numpy()
    assert ((shares >= 0) & (shares <= 1)).all()
    assert shares.mean() == pytest.approx(0.5, abs=0.02)
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 0.001
    # One number says nothing of the next.
    assert abs(np.corrcoef(shares[1:], shares[:-1])[0, 1]) < 0.06


def test_a_share_is_a_function_of_seed_and_number():
    first = float(share(_batch(7), 1.0, 0))
    assert float(share({**_batch(7), "image": tf.zeros([2, 3])}, 1.0, 0)) == first
    others = [float(share(_batch(n), 1.0, s)) for n, s in ((8, 0), (7, 1), (0, 0), (0, 7))]
    assert len({first, *others}) == 5


def test_mixtures_are_of_two_pictures_in_float():
    """In bytes, 0.3 * 200 + 0.7 * 100 would be cut off, and no picture is its own partner."""
    values = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 1), np.uint8)
    other = partner(tf.constant(values)).numpy()
    np.testing.assert_array_equal(np.sort(other, axis=0), np.sort(values, axis=0))
    assert all((a != b).any() for a, b in zip(values, other, strict=True))
    result = mixed(tf.constant(values), 0.3)
    assert result.dtype == tf.float32
    np.testing.assert_allclose(result, 0.3 * values.astype(float) + 0.7 * other, rtol=1e-5)
    labels = np.eye(5, dtype=np.float32)
    np.testing.assert_allclose(mixed(labels, 0.3), 0.3 * labels + 0.7 * partner(labels).numpy(), rtol=1e-6)


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.9, 1.0])
def test_the_own_share_is_that_of_the_pixels(weight):
    images = np.broadcast_to(np.arange(4, dtype=np.uint8)[:, None, None, None], (4, 12, 20, 3))
    owns, whole = [], 0
    for number in range(60):
        result, own = (x.numpy() for x in pasted(tf.constant(images), _batch(number), weight, 5))
        assert result.dtype == np.uint8
        kept = result == images
        np.testing.assert_array_equal(result, np.where(kept, images, np.roll(images, 1, axis=0)))
        assert (kept == kept[:1, :, :, :1]).all()
        inside = ~kept[0, :, :, 0]
        assert own == pytest.approx(1 - inside.mean(), abs=1e-6)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        assert inside.sum() == len(rows) * len(columns)
        if len(rows) and rows[0] and columns[0] and rows[-1] < 11 and columns[-1] < 19:
            # Not cut off: the sides are those of the picture, made smaller.
            side, whole = np.sqrt(1 - weight), whole + 1
            assert abs(len(rows) - side * 12) <= 1
            assert abs(len(columns) - side * 20) <= 1
        owns.append(own)
    assert whole or weight < 0.5 or weight == 1
    assert (min(owns) == 1) == (weight == 1)
    assert np.mean(owns) >= weight - 0.01


def test_the_place_is_a_function_of_seed_and_number():
    images = tf.constant(np.arange(2, dtype=np.float32)[:, None, None, None] * np.ones((2, 16, 16, 1), np.float32))
    result = [pasted(images, _batch(n), 0.8, s)[0].numpy() for n, s in ((0, 0), (0, 0), (1, 0), (0, 1))]
    np.testing.assert_array_equal(result[0], result[1])
    assert (result[0] != result[2]).any()
    assert (result[0] != result[3]).any()
