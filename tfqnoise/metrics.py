"""Measures over labels and logits, in NumPy."""

import dataclasses

import numpy as np

# What is reported for each kind of labels, and what a network's outputs are.
NAMES = {"accuracy": "accuracy", "f1": "mean F1"}
HEADLINE = {"single": "accuracy", "multi": "f1"}
OUTPUTS = {"single": "classes", "multi": "labels a picture"}


def accuracy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Returns the share of pictures whose largest logit is their label.

    Args:
        labels: integers [N].
        logits: [N, C].
    """
    return float(np.mean(np.argmax(logits, axis=1) == labels))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns exp(z_k) / sum_j exp(z_j), float64 [N, C], of logits [N, C]."""
    logits = logits.astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def no_better_than(commonest: float, share: float) -> bool:
    """Returns whether hardly more labels are met than by calling every picture by the commonest class.

    Of what the commonest class leaves a fiftieth may be right by chance, of some hundred pictures. Where nearly all
    are of one class little is left; where all are, nothing, and nothing can be said: False.

    Args:
        commonest: the share of the commonest class, in (0, 1].
        share: of the pictures for which the label is predicted.
    """
    return share <= commonest + 0.02 * (1 - commonest) < 1


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


def confusion(labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Returns how many pictures of each class were taken for each, int64 [C, C], row = label.

    Args:
        labels: integers [N].
        logits: [N, C].
    """
    counts = np.zeros((logits.shape[1],) * 2, np.int64)
    np.add.at(counts, (labels, np.argmax(logits, axis=1)), 1)
    return counts


def decisions(task: str, logits: np.ndarray) -> np.ndarray:
    """Returns what a network decides: the class [N] with the largest logit, or which labels [N, L] have one above 0.

    Args:
        task: "single" or "multi".
        logits: [N, C] or [N, L].
    """
    return np.argmax(logits, axis=1) if task == "single" else logits > 0


def headline(task: str, labels: np.ndarray, logits: np.ndarray) -> float:
    """Returns the figure that is reported for a kind of labels: accuracy, or the mean F1 of several a picture."""
    return accuracy(labels, logits) if task == "single" else f1(labels, logits).mean


@dataclasses.dataclass(frozen=True)
class F1:
    """How well several labels a picture are found.

    Attributes:
        mean: mean of `f1`.
        f1: L values 2 TP / (2 TP + FP + FN); 0 where TP is 0, also if there is nothing to find and nothing
            was found.
        true_positives: L counts.
        false_positives: L counts.
        false_negatives: L counts.
        known: L counts of known entries.
    """

    mean: float
    f1: tuple[float, ...]
    true_positives: tuple[int, ...]
    false_positives: tuple[int, ...]
    false_negatives: tuple[int, ...]
    known: tuple[int, ...]


def f1(labels: np.ndarray, logits: np.ndarray) -> F1:
    """Returns the F1 of each label at probability 0.5 (a logit above 0), with counts pooled over all pictures.

    Args:
        labels: integers [N, L] of 1, 0 and -1 (unknown, left out).
        logits: [N, L].

    Example:
        >>> f1(np.array([[1], [1], [0], [-1]]), np.array([[2.0], [-1.0], [1.0], [3.0]])).f1
        (0.5,)
    """
    known, found = labels >= 0, logits > 0
    hits = ((labels == 1) & found).sum(axis=0)
    false = ((labels == 0) & found).sum(axis=0)
    missed = ((labels == 1) & ~found).sum(axis=0)
    # Where nothing is hit the numerator is 0, and so is the F1; the divisor then must only not be 0.
    values = 2 * hits / np.maximum(2 * hits + false + missed, 1)
    counts = (tuple(map(int, each)) for each in (hits, false, missed, known.sum(axis=0)))
    return F1(float(values.mean()), tuple(values.tolist()), *counts)
