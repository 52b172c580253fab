"""RandAugment."""

import dataclasses
import statistics
from typing import Any

from tfqnoise.augmentation import operations as family
from tfqnoise.augmentation import register
from tfqnoise.augmentation.operations import Factors
from tfqnoise.augmentation.standard import Standard
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.hashing import uniform_graph

# The first of the draws of a turn, which has ten numbers to itself.
_FIRST_USE = 300
_APPLIED, _WHICH, _SPREAD, _SIGN, _ROW, _COLUMN = range(6)
_MOST = 10
# A bell curve by table: a pure function to the last bit, which a logarithm is not on every processor.
_NORMAL = [statistics.NormalDist().inv_cdf((n + 0.5) / 1024) for n in range(1024)]


@register(reference="Cubuk et al., 2020 (arXiv 1909.13719), section 3, with the operations and factors of keras-cv")
@dataclasses.dataclass(frozen=True)
class RandAugment:
    """Some operations drawn for each picture, of one magnitude, on what the standard augmentation gives.

    The operations are keras-cv's: contrast stretched, histogram equalised (these two have no magnitude), solarised,
    colours taken out, contrast, brightness, sheared and shifted in both directions, and cutout if asked for.

    Args:
        magnitude: from 0, which leaves a picture as it is but for the two operations without magnitude, to 1.
        operations: how many in turn.
        rate: chance that a turn does anything; keras-cv's is 10 of 11.
        spread: standard deviation of a picture's own magnitude, relative to it; 0.3 at 0.5 is keras-cv's 0.15.
        cutout: whether a square of up to half the side is among the operations.
        pad: as the standard augmentation has it.
        flip: likewise.
    """

    magnitude: float = 0.5
    operations: int = 2
    rate: float = 10 / 11
    spread: float = 0.3
    cutout: bool = False
    pad: int = 4
    flip: bool = True

    def __post_init__(self) -> None:
        for name, valid, expected, remedy in (
            ("magnitude", 0 <= self.magnitude <= 1, "from 0 to 1", "use 0.5"),
            ("operations", 1 <= self.operations <= _MOST, f"from 1 to {_MOST}", "use 2"),
            ("rate", 0 <= self.rate <= 1, "a chance from 0 to 1", "leave rate out for 10 of 11"),
            ("spread", 0 <= self.spread <= 10, "from 0 to 10", "use 0.3, or 0 for one magnitude for all"),
        ):
            if not valid:
                raise UsageError(f"rand_augment with {name} = {getattr(self, name)}", expected, remedy)
        Standard(self.pad, self.flip)

    def __call__(self, images: Any, keys: Any, seed: Any, epoch: Any, strength: Any = 1.0) -> Any:
        images = Standard(self.pad, self.flip)(images, keys, seed, epoch)
        magnitude = tf.cast(self.magnitude * strength, tf.float32)
        offered = family.fitting(images.shape[-1]) + ((family.cutout,) if self.cutout else ())
        for turn in range(self.operations):
            which, factors = self._drawn(images, keys, (seed, epoch, _FIRST_USE + 10 * turn), magnitude, len(offered))
            images = family.apply(images, which, factors, offered)
        return images

    def _drawn(
        self, images: Any, keys: Any, words: tuple[Any, ...], magnitude: Any, count: int
    ) -> tuple[Any, Factors]:
        """Returns which of so many operations each picture gets in a turn, -1 for none, and its factors."""

        def uniform(use: int) -> Any:
            return uniform_graph(keys, *words[:-1], words[-1] + use)

        def whole(use: int, below: int) -> Any:
            return tf.cast(uniform(use) * below, tf.int32)

        def middle(use: int, length: int) -> Any:
            return tf.cast(whole(use, length), tf.float32) if self.cutout else tf.zeros_like(normal)

        normal = tf.gather(tf.constant(_NORMAL, tf.float32), whole(_SPREAD, len(_NORMAL)))
        factors = Factors(
            tf.clip_by_value(magnitude * (1.0 + self.spread * normal), 0.0, 1.0),
            magnitude * tf.cast(2.0 * uniform(_SIGN) - 1.0, tf.float32),
            middle(_ROW, images.shape[1]),
            middle(_COLUMN, images.shape[2]),
        )
        return tf.where(uniform(_APPLIED) < self.rate, whole(_WHICH, count), -1), factors
