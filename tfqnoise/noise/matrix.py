"""Noise after any transition matrix."""

import dataclasses

import numpy as np

from tfqnoise import matrix as files
from tfqnoise.errors import DataError
from tfqnoise.noise import register
from tfqnoise.noise.transition import TransitionNoise


@register(reference="Patrini et al., CVPR 2017 (arXiv 1609.03683)", sample={"file": "matrix.csv"})
@dataclasses.dataclass(frozen=True)
class Matrix(TransitionNoise):
    """The label y becomes j with the probability T_yj of a matrix in a file, such as the noise.json of a run.

    The share of labels that are truly wrong is the mean of 1 - T_yy over the pictures.

    Args:
        file: the matrix, see `tfqnoise.matrix.read`.
    """

    file: str

    def transition(self, class_names: tuple[str, ...]) -> np.ndarray:
        found = files.read(self.file)
        if len(found) != len(class_names):
            raise DataError(
                f"matrix file {self.file} is of {len(found)} classes",
                f"{len(class_names)}: the data set has {len(class_names)} classes",
                "name a matrix for this data set",
            )
        return found
