import keras_cv
import numpy as np
import pytest

from tfqnoise import augmentation
from tfqnoise.augmentation.cutout import Cutout, cut
from tfqnoise.augmentation.standard import Standard
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.hashing import keys_of, uniform

RANDOM = np.random.default_rng(0)
WHITE = np.full((400, 12, 10, 3), 255, np.uint8)
KEYS = keys_of(map(str, range(400)))


@pytest.mark.parametrize(
    ("policy", "side"), [(Cutout(pad=0), 5), (Cutout(size=4, pad=0), 4), (Cutout(0.3, pad=0), 3)]
)
def test_a_square_about_a_drawn_pixel_is_black(policy, side):
    out = policy(WHITE, KEYS, 3, 1).numpy()
    rows, columns = (np.floor(uniform(KEYS, 3, 1, use) * length) for use, length in ((204, 12), (205, 10)))
    for picture, row, column in zip(out, rows.astype(int), columns.astype(int), strict=True):
        expected = np.full((12, 10, 3), 255, np.uint8)
        top, left = row - side // 2, column - side // 2
        expected[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)] = 0
        np.testing.assert_array_equal(picture, expected)
    # It may reach over any border, as in the paper.
    assert (out[:, 0] == 0).any()
    assert (out[:, :, -1] == 0).any()


def test_it_is_keras_cvs_for_the_same_places():
    images = RANDOM.integers(1, 256, (30, 12, 12, 3), np.uint8)
    row, column, side = (RANDOM.integers(0, 12, 30).astype(np.int32) for _ in range(3))
    # keras-cv halves odd sides, which moves the square by half a pixel.
    side -= side % 2
    layer = keras_cv.layers.RandomCutout(0.5, 0.5, seed=1)
    places = {"centers_x": column, "centers_y": row, "rectangles_height": side, "rectangles_width": side}
    theirs = layer.augment_images(tf.cast(images, tf.float32), {k: tf.constant(v) for k, v in places.items()})
    np.testing.assert_array_equal(cut(tf.constant(images), *map(tf.constant, (side, row, column))), theirs)


def test_without_strength_it_is_the_standard_augmentation():
    images = RANDOM.integers(0, 256, (400, 12, 10, 3), np.uint8)
    plain = Standard(2, True)(images, KEYS, 3, 1)
    for policy, strength in ((Cutout(0.0, pad=2), 1.0), (Cutout(pad=2), 0.0), (Cutout(size=0, pad=2), 1.0)):
        np.testing.assert_array_equal(policy(images, KEYS, 3, 1, tf.constant(strength)), plain)
    half = Cutout(0.8, pad=0)(WHITE, KEYS, 3, 1, tf.constant(0.5))
    np.testing.assert_array_equal(half, Cutout(0.4, pad=0)(WHITE, KEYS, 3, 1))


@pytest.mark.parametrize("settings", [{"magnitude": 1.5}, {"magnitude": -0.1}, {"size": -1}, {"pad": -1}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(UsageError, match=next(iter(settings))):
        augmentation.get({"name": "cutout", **settings})
