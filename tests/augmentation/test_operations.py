import keras_cv
import numpy as np
import pytest

from tfqnoise.augmentation import operations
from tfqnoise.augmentation.operations import Factors
from tfqnoise.backend import tf

RANDOM = np.random.default_rng(0)
COUNT = 24


def _pictures(channels=3):
    images = RANDOM.integers(0, 256, (COUNT, 40, 36, channels), np.uint8)
    # With fewer than 256 pixels equalising does nothing. Few values, a single one and hardly any contrast are the
    # corner cases of it and of stretching.
    images[0], images[1], images[2] = 7, 255 * (images[1] > 100), images[2] // 16 + 100
    images[3, ..., 0] = 0
    return images


def _factors(count=COUNT):
    amount, signed = RANDOM.random(count), RANDOM.uniform(-1, 1, count)
    places = RANDOM.integers(0, 12, (2, count))
    return Factors(*(tf.constant(each, tf.float32) for each in (amount, signed, *places)))


IMAGES, FACTORS = _pictures(), _factors()
FLOATS = tf.cast(IMAGES, tf.float32)


@pytest.fixture(autouse=True)
def generator():
    """Gives keras-cv's own layers one: TensorFlow makes none by itself where kernels are deterministic."""
    tf.random.set_global_generator(tf.random.Generator.from_seed(0))


def _one(value):
    return tf.reshape(tf.constant(value, tf.float32), [-1, 1, 1, 1])


def _constant(value):
    return keras_cv.core.ConstantFactorSampler(value)


def _keras_cv(name, amount, signed):
    """keras-cv's layer with the factors of all pictures alike; its direction is the one sign that is drawn."""
    layers, whole = keras_cv.layers, (0, 255)
    return {
        "auto_contrast": lambda: layers.AutoContrast(value_range=whole),
        "equalization": lambda: layers.Equalization(value_range=whole),
        "solarization": lambda: layers.Solarization(
            value_range=whole,
            addition_factor=_constant(110 * amount),
            threshold_factor=_constant(256 - 256 * amount),
        ),
        "color_degeneration": lambda: layers.RandomColorDegeneration(_constant(amount)),
        "contrast": lambda: layers.RandomContrast(value_range=whole, factor=(-signed, signed)),
        "brightness": lambda: layers.RandomBrightness((signed, signed)),
        "shear_x": lambda: layers.RandomShear(x_factor=_constant(amount)),
        "shear_y": lambda: layers.RandomShear(y_factor=_constant(amount)),
        "translation_x": lambda: layers.RandomTranslation(width_factor=(signed, signed), height_factor=0),
        "translation_y": lambda: layers.RandomTranslation(width_factor=0, height_factor=(signed, signed)),
    }[name]()


@pytest.mark.parametrize("operation", operations.EVERY, ids=lambda each: each.__name__)
@pytest.mark.parametrize(("amount", "signed"), [(0.0, 0.0), (0.3, 0.3), (0.85, -0.85)])
def test_it_is_what_keras_cv_makes_with_these_factors(operation, amount, signed):
    """With its own call, whose random numbers are fixed; shears go either way there."""
    layer = _keras_cv(operation.__name__, amount, signed)
    theirs = np.round(layer(FLOATS)).clip(0, 255)
    found = []
    for sign in (1, -1):
        factors = Factors(*(tf.fill([COUNT], value) for value in (amount, sign * signed, 0.0, 0.0)))
        ours = operations.apply(IMAGES, tf.zeros([COUNT], tf.int32), factors, (operation,)).numpy()
        found.append(np.abs(ours - theirs.astype(int)).max(axis=(1, 2, 3)))
    # A product of a matrix and three products differ in the last bit, and so by 1 where that decides the rounding.
    worst = np.minimum(*found) if "shear" in operation.__name__ else found[0]
    assert worst.max() <= (operation is operations.color_degeneration)


def test_nothing_changes_at_magnitude_0():
    still = Factors(*(tf.zeros(COUNT) for _ in range(4)))
    for operation in (*operations.EVERY, operations.cutout):
        out = operations.apply(IMAGES, tf.zeros([COUNT], tf.int32), still, (operation,)).numpy()
        without = operation in (operations.auto_contrast, operations.equalization)
        assert (out != IMAGES).any() == without, operation.__name__


@pytest.mark.parametrize("channels", [1, 3])
def test_each_picture_gets_its_own_operation_alone_or_in_any_company(channels):
    offered = (*operations.fitting(channels), operations.cutout)
    images = _pictures(channels)
    which = RANDOM.integers(-1, len(offered), COUNT).astype(np.int32)
    apply = tf.function(lambda i, w, f: operations.apply(i, w, Factors(*tf.unstack(f)), offered))
    table = tf.stack(FACTORS)
    whole = apply(images, which, table).numpy()
    order = RANDOM.permutation(COUNT)
    np.testing.assert_array_equal(apply(images[order], which[order], tf.gather(table, order, axis=1)), whole[order])
    for n in range(COUNT):
        alone = operations.apply(
            images[n : n + 1], tf.constant(which[n : n + 1]), Factors(*(each[n : n + 1] for each in FACTORS)), offered
        )
        np.testing.assert_array_equal(alone[0], whole[n])
        if which[n] == -1:
            np.testing.assert_array_equal(alone[0], images[n])


def test_without_colours_none_can_be_lost():
    assert operations.color_degeneration not in operations.fitting(1)
    assert operations.fitting(3) == operations.EVERY
