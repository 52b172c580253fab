"""The embedded data set: handwritten digits that come with scikit-learn."""

import numpy as np

from tfqnoise.data.source import Examples, Source, register
from tfqnoise.data.splits import hold_out
from tfqnoise.recipe import Recipe

_TEST_SHARE = 0.2


@register(reference="Alpaydin and Kaynak, UCI Optical Recognition of Handwritten Digits (CC BY 4.0)")
def digits(recipe: Recipe, argument: str) -> Source:
    """1,797 grey pictures of 8 x 8 pixels and ten classes, from scikit-learn; a fifth is the test set."""
    from sklearn.datasets import load_digits

    pictures, labels = load_digits(return_X_y=True)
    # Intensities run from 0 to 16.
    images = np.round(pictures.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    ids = np.array([f"digits_{row:04d}" for row in range(len(images))])
    train, test = hold_out(Examples(ids, images, labels.astype(np.int64)), _TEST_SHARE, "test")
    return Source(tuple("0123456789"), train, test, flip=False, pad=1)
