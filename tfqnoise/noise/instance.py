"""Noise that depends on the picture."""

import dataclasses
from statistics import NormalDist
from typing import ClassVar

import numpy as np

from tfqnoise.hashing import uniform
from tfqnoise.noise import Truth, register

# What each draw is for, see `tfqnoise.noise.transition`.
_CHANGE, _TARGET, _RATE, _RADIUS, _ANGLE = 111, 112, 113, 114, 115
_DEVIATION, _REACH = 0.1, 2.0
_SIDE = 8
_BLOCK = 256


@register(reference="Xia et al., NeurIPS 2020 (arXiv 2006.07836)", sample={"rate": 0.4})
@dataclasses.dataclass(frozen=True)
class Instance:
    """Some pictures are easier to mistake than others, and for what depends on the picture.

    Picture i of class y errs with probability q_i and then to class j with probability p_j:

        q_i = r + s z_i,  z_i standard normal within [-2, 2],  s = 0.1 min(1, r/0.2, (1 - r)/0.2)
        p = softmax over j ≠ y of x_i W_y,  W in R^{C x S x C} standard normal

    where x_i is the picture averaged to at most 8 x 8 pixels, then standardised. The paper cuts q at 0 and 1 alone,
    which moves its mean, and takes all pixels for x. Here the mean of q is r, so the share of labels that are truly
    wrong is r, and no q_i falls as r rises, so what is wrong at a low rate stays wrong at a higher one.

    Args:
        rate: r, the share of labels that become wrong, in [0, 1).
    """

    rate: float
    task: ClassVar[str] = "single"

    def given(self, truth: Truth, seed: int) -> np.ndarray:
        keys, classes = truth.keys, len(truth.class_names)
        changed = uniform(keys, seed, _CHANGE) < flip_rates(self.rate, keys, seed)
        second = uniform(keys, seed, _TARGET)
        given = truth.labels.astype(np.int64)
        for label in np.unique(truth.labels[changed]).tolist():
            rows = np.flatnonzero(changed & (truth.labels == label))
            weights = projection(int(np.prod(_pooled_shape(truth.images))), classes, label, seed)
            # In blocks, since features take eight times the pictures' memory.
            for block in np.split(rows, range(_BLOCK, len(rows), _BLOCK)):
                reached = _cumulated(features(truth.images[block]) @ weights, label)
                given[block] = (second[block, None] >= reached).sum(axis=1)
        return given

    def expected_rate(self, truth: Truth) -> float | None:
        return self.rate


def flip_rates(rate: float, keys: np.ndarray, seed: int) -> np.ndarray:
    """Returns the probability q that each label changes, float64 [N] in [0, 1].

    The slope of the deviation s in r is at most 0.5 and |z| at most 2, so q never falls as r rises.

    Args:
        rate: r, their mean.
        keys: uint64 [N].
        seed: the noise seed.
    """
    normal = NormalDist()
    low, high = normal.cdf(-_REACH), normal.cdf(_REACH)
    z = [normal.inv_cdf(low + u * (high - low)) for u in uniform(keys, seed, _RATE).tolist()]
    limit = _REACH * _DEVIATION
    deviation = _DEVIATION * min(1.0, rate / limit, (1 - rate) / limit)
    return np.clip(rate + deviation * np.clip(z, -_REACH, _REACH), 0, 1)


def features(images: np.ndarray) -> np.ndarray:
    """Returns pictures averaged to at most 8 x 8 pixels, each with mean 0 and deviation 1; a flat one gives zeros.

    Args:
        images: uint8 [N, H, W, channels].

    Returns:
        float64 [N, S].
    """
    means = images.astype(np.float64)
    for axis in (1, 2):
        size = images.shape[axis]
        starts = np.arange(min(size, _SIDE)) * size // min(size, _SIDE)
        counts = np.diff(starts, append=size)
        shape = [1, 1, 1, 1]
        shape[axis] = -1
        means = np.add.reduceat(means, starts, axis=axis) / counts.reshape(shape)
    flat = means.reshape(len(images), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    deviation = flat.std(axis=1, keepdims=True)
    return centred / np.where(deviation > 0, deviation, 1)


def projection(size: int, classes: int, label: int, seed: int) -> np.ndarray:
    """Returns the weights W_y of one true label, standard normal float64 [S, C] (Box and Muller)."""
    keys = np.arange(size * classes, dtype=np.uint64)
    radius = np.sqrt(-2 * np.log1p(-uniform(keys, seed, _RADIUS, label)))
    return (radius * np.cos(2 * np.pi * uniform(keys, seed, _ANGLE, label))).reshape(size, classes)


def _pooled_shape(images: np.ndarray) -> tuple[int, int, int]:
    return min(images.shape[1], _SIDE), min(images.shape[2], _SIDE), images.shape[3]


def _cumulated(scores: np.ndarray, label: int) -> np.ndarray:
    """Returns the cumulated softmax of scores [N, C] without the true label, which no number of [0, 1) selects."""
    scores[:, label] = -np.inf
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    reached = np.cumsum(weights, axis=1)
    reached /= reached[:, -1:]
    classes = scores.shape[1]
    reached[:, classes - 1 - (label == classes - 1) :] = 1.0
    return reached
