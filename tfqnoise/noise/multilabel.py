"""Noise for several labels a picture."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfqnoise.errors import UsageError
from tfqnoise.hashing import uniform
from tfqnoise.noise import Truth, register

# What the draw is for, see `tfqnoise.noise.transition`.
_FLIP = 121


@register(reference="-", sample={"rate": 0.2})
@dataclasses.dataclass(frozen=True)
class Multilabel:
    """Each known label is flipped on its own: present ones with one probability, absent ones with another.

    P(0 | 1) = positive, P(1 | 0) = negative; unknown labels (-1) stay unknown. The share of known labels that are
    truly wrong is positive P(1) + negative P(0).

    Args:
        rate: both probabilities, where they aren't given, in [0, 1).
        positive: the probability that a present label is missed, in [0, 1].
        negative: the probability that an absent label is invented, in [0, 1].
    """

    rate: float = 0.0
    positive: float | None = None
    negative: float | None = None
    task: ClassVar[str] = "multi"

    def __post_init__(self) -> None:
        if not all(0 <= value <= 1 for value in self._rates):
            raise UsageError(
                f"multilabel with positive = {self.positive}, negative = {self.negative}",
                "probabilities in [0, 1]",
                """write for example --noise-kind '{"name": "multilabel", "positive": 0.3, "negative": 0.05}'""",
            )

    @property
    def _rates(self) -> tuple[float, float]:
        return (
            self.rate if self.positive is None else self.positive,
            self.rate if self.negative is None else self.negative,
        )

    def given(self, truth: Truth, seed: int) -> np.ndarray:
        labels, keys = truth.labels, truth.keys
        positive, negative = self._rates
        drawn = [uniform(keys, seed, _FLIP, label) for label in range(labels.shape[1])]
        flipped = np.stack(drawn, axis=1) < np.where(labels == 1, positive, negative)
        return np.where(flipped & (labels >= 0), 1 - labels, labels).astype(np.int64)

    def expected_rate(self, truth: Truth) -> float | None:
        present, absent = np.sum(truth.labels == 1), np.sum(truth.labels == 0)
        positive, negative = self._rates
        known = present + absent
        return float((present * positive + absent * negative) / known) if known else None
