"""Measures over labels and logits, in NumPy."""

import dataclasses

import numpy as np

# What is reported for each kind of labels, and what a network's outputs are.
HEADLINE = {"single": "accuracy", "multi": "f1"}
OUTPUTS = {"single": "classes", "multi": "labels a picture"}


def accuracy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Returns the share of pictures whose largest logit is their label.

    Args:
        labels: integers [N].
        logits: [N, C].
    """
    return float(np.mean(np.argmax(logits, axis=1) == labels))


@dataclasses.dataclass(frozen=True)
class Memorisation:
    """What a network makes of wrongly labelled training pictures.

    Attributes:
        memorised: share for which it predicts the given, wrong label.
        recovered: share for which it predicts the true label.
    """

    memorised: float
    recovered: float


def memorisation(given: np.ndarray, true: np.ndarray, logits: np.ndarray) -> Memorisation:
    """Returns what was memorised and what recovered of wrongly labelled pictures.

    Args:
        given: integers [N], the labels trained on, each different from `true`.
        true: integers [N].
        logits: [N, C], the network's answer to the pictures without augmentation.
    """
    return Memorisation(memorised=accuracy(given, logits), recovered=accuracy(true, logits))
