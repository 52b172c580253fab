"""Drawing given labels from a transition matrix, in NumPy and in a TensorFlow graph.

Two numbers of [0, 1) belong to each example (`tfqnoise.hashing`). The first decides whether the label
changes, so the examples that are wrong at a low rate are wrong at any higher rate too; the second decides
what it becomes. So a curve over noise rates compares like with like.
"""

from typing import Any, ClassVar

import numpy as np

from tfqnoise.hashing import uniform, uniform_graph
from tfqnoise.noise import Truth

# What each draw is for; two uses of one seed must never share a number.
_CHANGE, _TARGET = 101, 102


class TransitionNoise:
    """A kind of noise that a transition matrix describes; a subclass gives `transition(class_names)`."""

    task: ClassVar[str] = "single"

    def transition(self, class_names: tuple[str, ...]) -> np.ndarray:
        """Returns float64 [C, C], row = true label, column = given label, rows summing to 1."""
        raise NotImplementedError

    def given(self, truth: Truth, seed: int) -> np.ndarray:
        return draw(self.transition(truth.class_names), truth.keys, truth.labels, seed)

    def expected_rate(self, truth: Truth) -> float | None:
        stay = np.diag(self.transition(truth.class_names))
        return float(1 - stay[truth.labels].mean())


def tables(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns what drawing needs of a transition matrix.

    Args:
        matrix: float64 [C, C], row = true label, column = given label, rows summing to 1.

    Returns:
        change: float64 [C], the probability that a label changes, 1 - T_yy.
        targets: float64 [C, C], cumulated probability of each new label, given that the label changes.

    Raises:
        ValueError: if the matrix is not square, has negative entries or rows that don't sum to 1.
    """
    matrix = np.asarray(matrix, np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"a transition matrix is square, not of shape {matrix.shape}")
    if (matrix < 0).any() or not np.allclose(matrix.sum(axis=1), 1, atol=1e-9):
        raise ValueError("a transition matrix has no negative entry and rows that sum to 1")
    away = matrix * (1 - np.eye(len(matrix)))
    change = away.sum(axis=1)
    targets = np.cumsum(away, axis=1) / np.where(change > 0, change, 1)[:, None]
    # Beyond the last reachable label the cumulated sum is 1 up to rounding; make it exact, so that no
    # number of [0, 1) falls behind it.
    last = len(matrix) - 1 - np.argmax(away[:, ::-1] > 0, axis=1)
    targets[np.arange(len(matrix)) >= last[:, None]] = 1.0
    return change, targets


def draw(matrix: np.ndarray, keys: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Returns given labels, a pure function of (seed, key, label) for each example.

    Args:
        matrix: float64 [C, C], row = true label, column = given label.
        keys: uint64 [N], from `tfqnoise.hashing.keys_of`.
        labels: integers [N] in [0, C), the true labels.
        seed: the noise seed.

    Returns:
        int64 [N].
    """
    change, targets = tables(matrix)
    new = (uniform(keys, seed, _TARGET)[:, None] >= targets[labels]).sum(axis=1)
    return np.where(uniform(keys, seed, _CHANGE) < change[labels], new, labels).astype(np.int64)


def draw_graph(matrix: np.ndarray, keys: Any, labels: Any, seed: int) -> Any:
    """The same as `draw` inside a TensorFlow graph, such as a `tf.data` map; equal label for label.

    Args:
        matrix: float64 [C, C].
        keys: uint64 tensor [N].
        labels: int64 tensor [N].
        seed: the noise seed.

    Returns:
        int64 tensor [N].
    """
    from tfqnoise.backend import tf

    change, targets = tables(matrix)
    behind = uniform_graph(keys, seed, _TARGET)[:, None] >= tf.gather(tf.constant(targets), labels)
    new = tf.reduce_sum(tf.cast(behind, tf.int64), axis=1)
    changed = uniform_graph(keys, seed, _CHANGE) < tf.gather(tf.constant(change), labels)
    return tf.where(changed, new, labels)
