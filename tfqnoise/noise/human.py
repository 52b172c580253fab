"""Labels that people gave: CIFAR-10N."""

import dataclasses
import re
from typing import ClassVar

import numpy as np

from tfqnoise.errors import DataError, UsageError, did_you_mean
from tfqnoise.noise import Truth, human_file, register

_TRUE = "clean_label"
_NAMES = {
    "aggregate": "aggre_label",
    "random1": "random_label1",
    "random2": "random_label2",
    "random3": "random_label3",
    "worst": "worse_label",
}


@register(reference="Wei et al., ICLR 2022 (arXiv 2110.12088); labels CC BY-NC 4.0", sample={"file": "human.pt"})
@dataclasses.dataclass(frozen=True)
class Human:
    """CIFAR-10N: what people on the internet took the training pictures of CIFAR-10 for.

    Three people labelled each picture. `random1` to `random3` are the first, second and third of them, `aggregate` is
    their majority and `worst` a wrong one wherever somebody erred. The shares that are truly wrong: aggregate 9.01 %,
    random1 17.23 %, random2 18.12 %, random3 17.64 %, worst 40.21 %. The seed changes nothing.

    The labels are not part of tfqnoise; their licence allows non-commercial use.

    Args:
        file: the official CIFAR-10_human.pt.
        labels: aggregate, random1, random2, random3 or worst.
    """

    file: str
    labels: str = "worst"
    task: ClassVar[str] = "single"

    def __post_init__(self) -> None:
        if self.labels not in _NAMES:
            raise UsageError(
                f"--noise-labels {self.labels} with --noise-kind human",
                "one of the five sets of CIFAR-10N",
                did_you_mean(self.labels, _NAMES),
            )

    def given(self, truth: Truth, seed: int) -> np.ndarray:
        found = human_file.read(self.file)
        rows = self._rows(found, truth)
        return found[_NAMES[self.labels]][rows]

    def expected_rate(self, truth: Truth) -> float | None:
        return float(np.mean(self.given(truth, 0) != truth.labels))

    def _rows(self, found: dict[str, np.ndarray], truth: Truth) -> np.ndarray:
        """Returns where in the file each picture is, int64 [N], once it is sure that the file is about these."""
        classes = len(truth.class_names)
        true, labels = found.get(_TRUE), found.get(_NAMES[self.labels])
        if true is None or labels is None or len(true) != len(labels) or not np.isin(labels, range(classes)).all():
            raise DataError(
                f"human labels {self.file} hold {', '.join(found) or 'nothing'}",
                f"{_TRUE} and {_NAMES[self.labels]}, of one length and below {classes}",
                "use CIFAR-10_human.pt with --dataset cifar10",
            )
        # TFDS numbers the pictures in CIFAR-10's own order, from 0; the file is in the same order.
        numbers = [re.fullmatch(r"train_(\d{1,9})", name) for name in truth.ids.tolist()]
        rows = np.array([int(n[1]) if n else -1 for n in numbers], np.int64)
        strange = np.flatnonzero((rows < 0) | (rows >= len(true)))
        if len(strange):
            raise DataError(
                f"human labels {self.file} for {len(strange)} pictures with ids such as '{truth.ids[strange[0]]}'",
                f"CIFAR-10's training pictures from TFDS, train_00000 to train_{len(true) - 1:05d}",
                "use --dataset cifar10",
            )
        differ = int((true[rows] != truth.labels).sum())
        if differ:
            raise DataError(
                f"human labels {self.file}: {differ} of {len(rows)} pictures have another true label there",
                "the pictures that the file is about, in its order",
                "use CIFAR-10_human.pt with --dataset cifar10",
            )
        return rows
