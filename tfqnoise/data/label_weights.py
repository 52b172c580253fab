"""What each of several labels a picture weighs in the loss."""

from collections.abc import Sequence

import numpy as np

from tfqnoise.errors import DataError, listed


def label_weights(labels: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Returns w_l = (1/r_l) / mean(1/r), where r_l is the share of ones among the known entries of label l.

    A rare label is thus not drowned by frequent ones, and the loss keeps its scale.

    Args:
        labels: integers [N, L] of 1, 0 and -1 (unknown).
        names: L names, for messages.

    Returns:
        float32 [L] of mean 1.

    Raises:
        DataError: if a label is never one.

    Example:
        >>> label_weights(np.array([[1, 1], [1, 0], [0, 0], [-1, 0]]), ["AU1", "AU2"])
        array([0.54545456, 1.4545455 ], dtype=float32)

    Reference: the weights of Luo et al., "Learning multi-dimensional edge feature-based AU relation graph for facial
    action unit recognition", IJCAI 2022.
    """
    positive, known = (labels == 1).sum(axis=0), (labels >= 0).sum(axis=0)
    never = [name for name, count in zip(names, positive.tolist(), strict=True) if not count]
    if never:
        raise DataError(
            f"never positive among the {len(labels)} training pictures: {listed(never[:20])}",
            "at least one picture with each label, from which its rate follows",
            "add pictures, leave these labels out, or pass --label-weights none",
        )
    inverse = known / positive
    return (inverse / inverse.mean()).astype(np.float32)
