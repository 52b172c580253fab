"""How many examples of each given label are of each class, counted where a network is confident."""

import numpy as np

# As cleanlab has it, so that a probability that equals its threshold up to rounding counts.
_TOLERANCE = 1e-6


def confident_classes(given: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Returns the class that a network is confident of: the most probable one of those that reach their threshold.

        t_k = mean of p_k over the examples with the given label k

    Args:
        given: int64 [N].
        probabilities: float [N, C], of networks that haven't seen the label.

    Returns:
        int64 [N]; -1 where no class reaches its threshold. A class that no example is given has none.

    Reference: Northcutt et al., JAIR 2021 (arXiv 1911.00068), equations 1 and 2.
    """
    own = given[:, None] == np.arange(probabilities.shape[1])
    counts = own.sum(axis=0)
    sums = np.where(own, probabilities, 0.0).sum(axis=0, dtype=np.float64)
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    reached = probabilities >= thresholds - _TOLERANCE
    # Where several classes do, the most probable one counts, and cleanlab takes it whether it does or not.
    several = reached.sum(axis=1) > 1
    chosen = np.where(several, probabilities.argmax(axis=1), reached.argmax(axis=1))
    return np.where(reached.any(axis=1), chosen, -1)


def counted(given: np.ndarray, confident: np.ndarray, classes: int) -> np.ndarray:
    """Returns how many examples of a given label (row) are confidently of a class (column), float64 [C, C].

    Args:
        given: int64 [N].
        confident: int64 [N] of `confident_classes`.
        classes: C.
    """
    joint = np.zeros((classes, classes))
    sure = confident >= 0
    np.add.at(joint, (given[sure], confident[sure]), 1)
    # Each class has a right label at least, or a row could sum to nothing.
    joint[np.diag_indices(classes)] = np.maximum(joint.diagonal(), 1)
    return joint


def calibrated(joint: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Returns the counts scaled so that each row sums to the number of examples with that given label.

    Args:
        joint: float [C, C] of `counted`.
        given: int64 [N].

    Reference: equation 3.
    """
    labels = np.bincount(given, minlength=len(joint))
    return joint / joint.sum(axis=1, keepdims=True) * labels[:, None]
