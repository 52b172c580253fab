"""A kernel's codebook: the K values that its weights are drawn to."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tfqnoise.backend import keras, tf
from tfqnoise.compression.clustering import initialisations, penalties
from tfqnoise.compression.clustering.penalties import nearest
from tfqnoise.errors import TrainingError

# A kernel's distribution is well known from as many weights.
_SAMPLE = 5_000


class Codebook(keras.layers.Layer):
    """K trainable centroids of one kernel, and the penalty that draws the kernel to them.

    Free centroids are K numbers. On the uniform grid they are step x (-n ... n), n = floor((K - 1) / 2), and the
    step is trained: such a kernel packs into INT4 (K <= 16) or INT2.

    Args:
        name: of the kernel's layer.
        clusters: K.
        grid: "free" or "uniform".
        penalty: a method of `tfqnoise.compression.clustering.penalties`.
        with_zero: whether one of the K values is 0, for the zeros of a pruned kernel.
    """

    def __init__(self, name: str, clusters: int, grid: str, penalty: Any, with_zero: bool = False) -> None:
        super().__init__(name=name)
        self.clusters, self.grid, self.with_zero = clusters, grid, with_zero
        self.penalty = penalties.get(penalty)
        self.codes = np.arange(-((clusters - 1) // 2), (clusters - 1) // 2 + 1, dtype=np.float32)
        free = grid == "free"
        shape = (clusters - with_zero,) if free else ()
        zeros = keras.initializers.Zeros()
        self.parameter = self.add_weight("centroids" if free else "step", shape=shape, initializer=zeros)
        self._own = self.penalty.build(self, clusters if free else len(self.codes))

    @property
    def centroids(self) -> Any:
        """The centroids, sorted, float32 [K] or fewer."""
        return tf.sort(self._centroids(self.parameter))

    def _centroids(self, parameter: Any) -> Any:
        if self.grid == "uniform":
            return tf.abs(parameter) * self.codes
        return tf.concat([parameter, [0.0]], 0) if self.with_zero else tf.convert_to_tensor(parameter)

    def start(self, kernel: Any, initialisation: str, seed: int) -> None:
        """Sets the centroids for a kernel.

        Args:
            kernel: the weights; zeros of a pruned kernel don't count.
            initialisation: a method of `tfqnoise.compression.clustering.initialisations`, for the free grid. The
                uniform one starts at the step that leaves the least squared error.
            seed: of the initialisation.

        Raises:
            TrainingError: if a weight is not a finite number.
        """
        weights = np.asarray(kernel).ravel()
        if not np.isfinite(weights).all():
            raise TrainingError(
                f"the kernel of {self.name} has {int((~np.isfinite(weights)).sum())} weights that are no numbers",
                "finite weights to cluster",
                "train again with a lower --learning-rate, or with --clip-norm 1",
            )
        if self.with_zero and weights.any():
            weights = weights[weights != 0]
        if self.grid == "uniform":
            self.parameter.assign(_best_step(weights, float(self.codes[-1])))
        else:
            self.parameter.assign(initialisations.get(initialisation)(weights, self.parameter.shape[0], seed))
        self.penalty.start(self.centroids, self._own)

    def take(self, kernel: Any) -> None:
        """Sets free centroids to the values that a clustered kernel has; those left over repeat the largest."""
        if self.grid == "free":
            values = np.unique(np.asarray(kernel))
            values = values[values != 0] if self.with_zero else values
            values = values if len(values) else np.zeros(1, np.float32)
            free = self.parameter.shape[0]
            self.parameter.assign(np.pad(values[:free], (0, max(0, free - len(values))), mode="edge"))

    def call(self, kernel: Any, weight: Any = 1.0) -> Any:
        """Returns the penalty of a kernel, with gradients that are ready to be applied with the network's.

        The kernel's gradient is multiplied by `weight`. That of the centroids is not, and is divided by the size of
        an average cluster: so centroids follow their weights from the first step on, whatever the weight, at a
        speed that doesn't depend on the kernel's size.

        Args:
            kernel: float32 of any shape.
            weight: strength of the penalty, float32 [].
        """
        count = float(np.prod(kernel.shape))
        # On the uniform grid the step's gradient sums codes as large as n.
        share = self.clusters / count if self.grid == "free" else 1 / (count * max(1.0, float(self.codes[-1]) ** 2))
        weights = with_gradient(tf.reshape(kernel, [-1]), weight)
        own = {name: with_gradient(tf.convert_to_tensor(v), share) for name, v in self._own.items()}
        parameter = with_gradient(tf.convert_to_tensor(self.parameter), share)
        return self.penalty(weights, self._centroids(parameter), own)

    def assignments(self, kernel: Any) -> np.ndarray:
        """Returns the index of each weight's nearest centroid among `centroids`, int32 in the kernel's shape.

        Zeros of a pruned kernel belong to the centroid 0.
        """
        centroids = self.centroids
        index = tf.reshape(nearest(tf.reshape(kernel, [-1]), centroids), kernel.shape).numpy()
        if self.with_zero:
            index[np.asarray(kernel) == 0] = int(np.argmin(np.abs(centroids.numpy())))
        return index

    def statistics(self, kernel: Any) -> dict[str, Any]:
        """Returns mean squared quantization error, occupied clusters, entropy of the assignment, and centroids."""
        return statistics(self.name, kernel, self.centroids.numpy(), self.assignments(kernel))

    def revive(self, kernel: Any) -> int:
        """Moves each free centroid that serves no weight to one of the worst served; returns how many it moved."""
        if self.grid == "uniform":
            return 0
        centroids, index = self.centroids.numpy(), self.assignments(kernel).ravel()
        weights, values = np.asarray(kernel).ravel(), self.parameter.numpy()
        distances = np.abs(weights - centroids[index])
        # Of equal centroids the first serves all; which of them that is in `values` doesn't matter.
        empty = list(centroids[np.bincount(index, minlength=len(centroids)) == 0])
        worst = iter(np.argsort(-distances))
        moved = 0
        for place in range(len(values) - 1, -1, -1):
            if values[place] in empty:
                empty.remove(values[place])
                weight = next(worst, None)
                if weight is None or not distances[weight] > 0:
                    break
                values[place] = weights[weight]
                moved += 1
        self.parameter.assign(values)
        return moved


def _best_step(weights: np.ndarray, top: float) -> float:
    """Returns the step s of the least mean (w - s clip(round(w / s), -top, top))^2."""
    largest = np.abs(weights).max()
    if len(weights) > _SAMPLE:
        weights = np.sort(weights)[:: -(-len(weights) // _SAMPLE)]
    steps = np.maximum(largest / top * np.linspace(0.1, 1, 91), 1e-6)
    codes = np.clip(np.round(weights[:, None] / steps), -top, top)
    return float(steps[np.argmin(((weights[:, None] - codes * steps) ** 2).mean(0))])


class Codebooks:
    """The codebooks of one kernel: one, or one for each group of a convolution's output channels.

    Args:
        kernel: the weights; the last axis is that of output channels.
        books: as many as groups.
    """

    def __init__(self, kernel: Any, books: Sequence[Codebook]) -> None:
        self.books = tuple(books)
        self._sizes = group_sizes(kernel.shape[-1], len(self.books))

    def parts(self, kernel: Any) -> Iterator[tuple[Codebook, Any]]:
        """Yields each codebook with its part of the kernel."""
        parts = tf.split(kernel, self._sizes, axis=-1) if len(self.books) > 1 else [kernel]
        yield from zip(self.books, parts, strict=True)

    def __call__(self, kernel: Any, weight: Any) -> Any:
        """Returns the penalty of a kernel, see `Codebook.call`."""
        return tf.add_n([book(part, weight) for book, part in self.parts(kernel)])


def group_count(channels: int, weights: int, clusters: int, codebooks: int) -> int:
    """Returns in how many groups a convolution's output channels are split.

    As many as asked for, if each gets more weights than values.

    Args:
        channels: output channels.
        weights: of the whole kernel.
        clusters: values a group may take.
        codebooks: groups asked for.
    """
    fitting = (n for n in range(min(codebooks, channels), 1, -1) if channels // n * (weights // channels) > clusters)
    return next(fitting, 1)


def group_sizes(channels: int, groups: int) -> list[int]:
    """Returns how many neighbouring channels each of some groups has; they differ by one at most."""
    return [len(part) for part in np.array_split(np.arange(channels), groups)]


def statistics(layer: str, kernel: Any, centroids: np.ndarray, index: np.ndarray) -> dict[str, Any]:
    """Returns what is written down of a kernel's clusters.

    Args:
        layer: the kernel's.
        kernel: the weights, float32 of any shape.
        centroids: float32 [K].
        index: the centroid of each weight.

    Returns:
        The layer, the mean squared quantization error, how many clusters have a weight, the entropy of the assignment
        in bits a weight (-sum p log2 p over the clusters' shares), and the centroids.
    """
    shares = np.bincount(index.ravel(), minlength=len(centroids)) / index.size
    occupied = shares[shares > 0]
    return {
        "layer": layer,
        "error": float(np.mean((np.asarray(kernel) - centroids[index]) ** 2)),
        "occupied": len(occupied),
        "entropy_bits": float(-(occupied * np.log2(occupied)).sum()) + 0.0,
        "centroids": [float(c) for c in centroids],
    }


@tf.custom_gradient
def with_gradient(value: Any, factor: Any) -> Any:
    """Returns a value whose gradient is multiplied by a factor."""
    return tf.identity(value), lambda upstream: (upstream * factor, None)
