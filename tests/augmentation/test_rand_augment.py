import subprocess
import sys

import numpy as np
import pytest

from tfqnoise import augmentation
from tfqnoise.augmentation import operations
from tfqnoise.augmentation.rand_augment import RandAugment
from tfqnoise.augmentation.standard import Standard
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.hashing import keys_of, uniform

RANDOM = np.random.default_rng(0)
KEYS = keys_of(map(str, range(600)))
IMAGES = RANDOM.integers(0, 256, (600, 12, 12, 3), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("cutout", [False, True])
def test_pictures_keep_type_and_shape_and_belong_to_their_ids(channels, cutout):
    images, policy = IMAGES[..., :channels], RandAugment(0.9, cutout=cutout)
    mapped = tf.function(lambda i, k, e: policy(i, k, 5, e))
    whole = mapped(images, KEYS, 2).numpy()
    assert whole.dtype == np.uint8
    assert whole.shape == images.shape
    assert (whole != Standard()(images, KEYS, 5, 2).numpy()).any(axis=(1, 2, 3)).mean() > 0.9
    order = RANDOM.permutation(600)[:77]
    np.testing.assert_array_equal(mapped(images[order], KEYS[order], 2), whole[order])
    np.testing.assert_array_equal(policy(images[:40], KEYS[:40], 5, 2), whole[:40])


def test_operations_are_drawn_evenly_from_the_ids(monkeypatch):
    drawn = []
    monkeypatch.setattr(operations, "apply", lambda images, which, *rest: drawn.append((which, *rest)) or images)
    RandAugment(0.5, operations=2)(IMAGES, KEYS, 3, 1)
    for turn, (which, factors, offered) in enumerate(drawn):
        first = 300 + 10 * turn
        expected = np.floor(uniform(KEYS, 3, 1, first + 1) * 10)
        expected[uniform(KEYS, 3, 1, first) >= 10 / 11] = -1
        np.testing.assert_array_equal(which, expected)
        counts = np.bincount(np.array(which) + 1, minlength=11)
        assert counts.min() > 600 / 11 / 2
        assert counts.max() < 600 / 11 * 2
        assert len(offered) == 10
        # keras-cv's: a bell about 0.5 with a deviation of 0.15, and evenly from -0.5 to 0.5.
        assert np.mean(factors.amount) == pytest.approx(0.5, abs=0.02)
        assert np.std(factors.amount) == pytest.approx(0.15, abs=0.02)
        assert np.std(factors.signed) == pytest.approx(0.5 / np.sqrt(3), abs=0.02)
        assert np.abs(factors.signed).max() <= 0.5
    assert (np.array(drawn[0][0]) != np.array(drawn[1][0])).any()


def test_the_strength_is_a_share_of_the_magnitude():
    half = RandAugment(0.8)(IMAGES, KEYS, 3, 1, tf.constant(0.5))
    np.testing.assert_array_equal(half, RandAugment(0.4)(IMAGES, KEYS, 3, 1))
    # At none, only what has no magnitude is left: contrast stretched, two turns of 1 in 11.
    still = RandAugment(0.8)(IMAGES, KEYS, 3, 1, tf.constant(0.0)).numpy()
    np.testing.assert_array_equal(still, RandAugment(0.0)(IMAGES, KEYS, 3, 1))
    changed = (still != Standard()(IMAGES, KEYS, 3, 1).numpy()).any(axis=(1, 2, 3)).mean()
    assert 0.12 < changed < 0.22


def test_without_a_chance_it_is_the_standard_augmentation():
    np.testing.assert_array_equal(RandAugment(rate=0.0)(IMAGES, KEYS, 3, 1), Standard()(IMAGES, KEYS, 3, 1))


@pytest.mark.parametrize(
    "settings",
    [
        {"magnitude": 1.01},
        {"magnitude": -0.5},
        {"magnitude": float("nan")},
        {"operations": 0},
        {"operations": 11},
        {"rate": 2.0},
        {"spread": -1.0},
        {"pad": -1},
        {"cutout": 1},
        {"operations": 1.5},
    ],
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(UsageError, match=next(iter(settings))):
        augmentation.get({"name": "rand_augment", **settings})


def test_keras_cv_is_loaded_by_need_quietly_and_where_kernels_are_deterministic():
    """By itself, since another test may have loaded it."""
    code = (
        "import sys, numpy as np; from tfqnoise import augmentation; from tfqnoise.backend import tf\n"
        "tf.config.experimental.enable_op_determinism(); policy = augmentation.get('rand_augment')\n"
        "augmentation.registry.entries(); assert 'keras_cv' not in sys.modules\n"
        "images, keys = np.zeros((20, 8, 8, 3), np.uint8), np.arange(20).astype(np.uint64)\n"
        "next(iter(tf.data.Dataset.range(1).map(lambda n: policy(images, keys, 0, n))))\n"
        "assert 'keras_cv' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
