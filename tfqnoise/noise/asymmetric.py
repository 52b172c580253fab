"""Asymmetric noise: a class is taken for one that looks like it."""

import dataclasses

import numpy as np

from tfqnoise import matrix
from tfqnoise.errors import DataError, UsageError, did_you_mean, listed
from tfqnoise.noise import register
from tfqnoise.noise.transition import TransitionNoise

# By the names that TFDS gives to CIFAR-10's classes.
_CIFAR10 = "truck>automobile,bird>airplane,deer>horse,cat>dog,dog>cat"


@register(
    reference="Patrini et al., CVPR 2017 (arXiv 1609.03683)",
    sample={"rate": 0.4, "pairs": "0>1,1>0,2>3"},
)
@dataclasses.dataclass(frozen=True)
class Asymmetric(TransitionNoise):
    """With probability r the label becomes that of its class's partner; a class without a partner never errs.

    T_yy = 1 - r and T_{y, partner(y)} = r for a class with a partner, T_yy = 1 for the others. So the share of labels
    that are truly wrong is r times the share of pictures whose class has a partner: r/2 for CIFAR-10, where truck →
    automobile, bird → airplane, deer → horse, cat ↔ dog.

    Args:
        rate: r, in [0, 1).
        pairs: partners as "true>given,…", by name or number; CIFAR-10's without it.
        file: a confusion matrix (see `tfqnoise.matrix`; rows are true classes): the partner of a class is the other
            class that it is most often taken for, and a class that is never taken for another has none.
    """

    rate: float
    pairs: str = ""
    file: str | None = None

    def __post_init__(self) -> None:
        if self.pairs and self.file:
            raise UsageError(f"asymmetric with pairs = {self.pairs} and a file", "one of them", "leave one out")

    def partners(self, class_names: tuple[str, ...]) -> dict[int, int]:
        """Returns the number of the class that each class is taken for, for the classes that have one.

        Raises:
            DataError: for an unreadable file, or one about other classes.
            UsageError: for pairs that name no two classes, or none where the data set needs them.
        """
        if self.file:
            return _most_confused(self.file, class_names)
        text = self.pairs
        if not text:
            text = _CIFAR10
            if not set(text.replace(",", ">").split(">")) <= set(class_names):
                raise UsageError(
                    f"--noise-kind asymmetric for the classes {listed(class_names[:10])}",
                    "CIFAR-10's classes, or which class is taken for which",
                    f"""write for example --noise-kind '{{"name": "asymmetric", "pairs": "{class_names[0]}>"""
                    f"""{class_names[-1]}"}}', or give a confusion matrix with --noise-file""",
                )
        found: dict[int, int] = {}
        for pair in text.split(","):
            true, _, given = pair.partition(">")
            one, other = _number(pair, true, class_names), _number(pair, given, class_names)
            if one == other or one in found:
                raise UsageError(
                    f"asymmetric with the pair '{pair}'",
                    "two different classes, and each class on the left once",
                    "leave it out or change it",
                )
            found[one] = other
        return found

    def transition(self, class_names: tuple[str, ...]) -> np.ndarray:
        result = np.eye(len(class_names))
        for true, given in self.partners(class_names).items():
            result[true, [true, given]] = 1 - self.rate, self.rate
        return result


def _most_confused(path: str, class_names: tuple[str, ...]) -> dict[int, int]:
    counts = matrix.numbers(path, "confusion_matrix", "transition_matrix", classes=class_names)
    classes = len(class_names)
    if counts.shape != (classes, classes):
        raise DataError(
            f"matrix file {path} has {counts.shape[0]} rows and {counts.shape[1]} columns",
            f"{classes} of each: the data set has {classes} classes",
            "name a confusion matrix of this data set",
        )
    if (counts < 0).any():
        raise DataError(f"matrix file {path} has the negative entry {counts.min():g}", "counts or shares", "mend it")
    counts = counts * (1 - np.eye(classes))
    return {int(true): int(counts[true].argmax()) for true in np.flatnonzero(counts.any(axis=1))}


def _number(pair: str, text: str, class_names: tuple[str, ...]) -> int:
    text = text.strip()
    if text in class_names:
        return class_names.index(text)
    if text.isdecimal() and int(text) < len(class_names):
        return int(text)
    raise UsageError(
        f"asymmetric with the pair '{pair}'",
        f"true>given, two class names or numbers below {len(class_names)}",
        did_you_mean(text, class_names),
    )
