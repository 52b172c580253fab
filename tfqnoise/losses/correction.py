"""What the losses that are corrected by a transition matrix share."""

import dataclasses
from typing import Any, ClassVar

import numpy as np

from tfqnoise import matrix
from tfqnoise.errors import UsageError

Rows = tuple[tuple[float, ...], ...]
# The law tests' matrix: three classes, with zeros.
SAMPLE = {"matrix": [[0.8, 0.2, 0.0], [0.0, 0.7, 0.3], [0.1, 0.0, 0.9]]}


@dataclasses.dataclass(frozen=True)
class Correction:
    """Settings of a corrected loss.

    Args:
        matrix: the transition matrix, row = true label, column = given label: a path that
            `tfqnoise.matrix.read` reads, or the rows. A path is read at once and replaced by its rows, so
            that the object says what it corrects with, whatever becomes of the file.

    Raises:
        UsageError: if it is not given.
        DataError: if it is no transition matrix.
    """

    matrix: str | Rows = ""

    corrects: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    def __post_init__(self) -> None:
        if len(self.matrix) == 0:
            raise UsageError(
                f"{self.name} without a matrix",
                "a transition matrix",
                f"""give '{{"name": "{self.name}", "matrix": "RUN/audit/summary.json"}}', """
                "or use --strategy estimated_transition",
            )
        given = self.matrix
        rows = matrix.read(given) if isinstance(given, str) else matrix.checked(given, f"the matrix of {self.name}")
        object.__setattr__(self, "matrix", tuple(map(tuple, rows.tolist())))

    def transition(self, logits: Any) -> np.ndarray:
        """Returns the matrix, float64 [C, C].

        Raises:
            UsageError: if `logits` have another number of classes.
        """
        if logits.shape[-1] != len(self.matrix):
            raise UsageError(
                f"{self.name} with a matrix of {len(self.matrix)} classes for a network of {logits.shape[-1]}",
                "a matrix over the network's classes",
                "give the matrix of a run on the same data set",
            )
        return np.array(self.matrix)
