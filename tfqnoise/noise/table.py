"""Labels from a table."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfqnoise import label_file
from tfqnoise.noise import Truth, register


@register(reference="-", sample={"file": "labels.csv"})
@dataclasses.dataclass(frozen=True)
class Table:
    """Wrong labels from a CSV file with id,label; pictures that it doesn't name keep their label.

    They count as wrong where they differ from the data set's. (--labels takes the same file for the better labels.)

    Args:
        file: see `tfqnoise.label_file`.
    """

    file: str
    task: ClassVar[str] = "single"

    def given(self, truth: Truth, seed: int) -> np.ndarray:
        return label_file.replaced(self.file, truth.ids, truth.labels, truth.class_names)

    def expected_rate(self, truth: Truth) -> float | None:
        return None
