"""Weights that are their centroids."""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.backend import keras, tf
from tfqnoise.compression.clustering.codebook import Codebooks, group_sizes, statistics, with_gradient
from tfqnoise.compression.quantization import integers
from tfqnoise.compression.quantization.weights import WeightQuantizer


@dataclasses.dataclass(frozen=True)
class Snapped(WeightQuantizer):
    """Holds each weight at its centroid and trains the centroids.

    w^_i = c_k(i), with k(i) fixed. On the free grid c is rounded to int8 by the one step max |c| / 127 of its group,
    so the file holds at most K integers a group; on the uniform grid w^_i = s q_i with fixed integers q and a trained
    step s for each group.

    dL/dc_k = sum_{i in k} dL/dw^_i, divided by the root of the mean cluster size (of N n for the step), as LSQ does:
    a sum over thousands of weights would otherwise outrun the learning rate that suits one.

    Args:
        bits: 8.
        per_channel: whether the step is written once per channel (the same in a group), as convolutions need it.
        clusters: K, or how many codes the uniform grid has.
        grid: "free" or "uniform".
        groups: of output channels, each with a codebook of its own; 1 where the step is not per channel.
    """

    bits: int
    per_channel: bool
    clusters: int
    grid: str
    groups: int = 1

    @property
    def top(self) -> int:
        """The largest code of the uniform grid."""
        return (self.clusters - 1) // 2

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        zeros = keras.initializers.Zeros()
        one = keras.initializers.Constant(1.0)
        variables = {
            # On the free grid a group's centroids are counted on from those of the group before.
            "assignments": layer.add_weight(
                f"{name}_assignments", shape=tensor_shape, dtype=tf.int32, initializer=zeros, trainable=False
            )
        }
        if self.grid == "uniform":
            return variables | {"step": layer.add_weight(f"{name}_step", shape=(self.groups,), initializer=one)}
        shape = (self.groups * self.clusters,)
        return variables | {
            "centroids": layer.add_weight(f"{name}_centroids", shape=shape, initializer=zeros),
            # 0 for the centroid of a pruned kernel's zeros, which stays where it is.
            "free": layer.add_weight(f"{name}_free", shape=shape, initializer=one, trainable=False),
        }

    def place(self, kernel: Any, variables: dict[str, Any], codebooks: Codebooks) -> None:
        """Takes centroids and assignments from a kernel's codebooks."""
        parts = list(codebooks.parts(kernel))
        indices = [book.assignments(part) for book, part in parts]
        if self.grid == "uniform":
            variables["step"].assign(tf.stack([tf.abs(book.parameter) for book, _ in parts]))
            codes = [book.codes[index] for (book, _), index in zip(parts, indices, strict=True)]
            variables["assignments"].assign(np.concatenate(codes, -1).astype(np.int32))
        else:
            centroids = tf.concat([book.centroids for book, _ in parts], 0)
            variables["centroids"].assign(centroids)
            fixed = (centroids == 0) & parts[0][0].with_zero
            variables["free"].assign(tf.cast(~fixed, tf.float32))
            counted = [index + number * self.clusters for number, index in enumerate(indices)]
            variables["assignments"].assign(np.concatenate(counted, -1))

    def step(self, weight: Any, variables: dict[str, Any]) -> Any:
        if self.grid == "uniform":
            steps = tf.abs(variables["step"])
        else:
            centroids = tf.reshape(variables["centroids"] * variables["free"], [self.groups, self.clusters])
            steps = tf.reduce_max(tf.abs(centroids), 1) / 127
        steps = tf.maximum(steps, integers.SMALLEST_STEP)
        return self._by_channel(steps, weight.shape[-1]) if self.per_channel else steps[0]

    def _by_channel(self, steps: Any, channels: int) -> Any:
        """Returns a group's value for each of its channels, [channels]."""
        group = np.repeat(np.arange(self.groups), group_sizes(channels, self.groups))
        # A product, because the gradient of a gather would be a sparse one.
        return tf.linalg.matvec(tf.one_hot(group, self.groups), steps)

    def values(self, variables: dict[str, Any]) -> Any:
        """Returns the kernel, before it is rounded to int8."""
        index = variables["assignments"]
        size = float(np.prod(index.shape))
        if self.grid == "uniform":
            scale = max(1, self.top) * size / self.groups
            step = with_gradient(tf.abs(variables["step"]), scale**-0.5)
            return tf.cast(index, tf.float32) * self._by_channel(step, index.shape[-1])
        share = (self.groups * self.clusters / size) ** 0.5
        return _gathered(variables["centroids"] * variables["free"], index, share)

    def quantise(self, weight: Any, variables: dict[str, Any]) -> Any:
        values = self.values(variables)
        return values if self.grid == "uniform" else _rounded(values, tf.stop_gradient(self.step(weight, variables)))

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **kwargs: Any) -> Any:
        if training:
            return self.quantise(inputs, weights)
        return integers.weights_as_int8(self.values(weights), self.step(inputs, weights))

    def settle(self, weight: Any, variables: dict[str, Any]) -> None:
        weight.assign(self.values(variables))

    def statistics(self, layer: str, weight: Any, variables: dict[str, Any]) -> list[dict[str, Any]]:
        """Returns for each group what `codebook.statistics` does; the error is that of rounding to int8."""
        kernel, rows = self(weight, False, variables).numpy(), []
        ends = np.cumsum(group_sizes(kernel.shape[-1], self.groups))
        for number, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            index = variables["assignments"].numpy()[..., start:end]
            if self.grid == "uniform":
                codes = np.arange(-self.top, self.top + 1, dtype=np.float32)
                centroids = np.abs(variables["step"].numpy()[number]) * codes
                index = index + self.top
            else:
                own = slice(number * self.clusters, (number + 1) * self.clusters)
                centroids = (variables["centroids"] * variables["free"]).numpy()[own]
                index = index - own.start
            name = layer if self.groups == 1 else f"{layer}/{number}"
            rows.append(statistics(name, kernel[..., start:end], centroids, index))
        return rows

    def describe(self) -> str:
        groups = f" in each of {self.groups} groups of channels" if self.groups > 1 else ""
        return f"{self.clusters} centroids{groups}, {self.grid} grid,"

    def get_config(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _gathered(centroids: Any, index: Any, factor: float) -> Any:
    @tf.custom_gradient
    def gather(centroids: Any) -> Any:
        clusters = centroids.shape[0]
        return tf.gather(
            centroids, index
        ), lambda upstream: factor * tf.math.unsorted_segment_sum(upstream, index, clusters)

    return gather(centroids)


def _rounded(values: Any, step: Any) -> Any:
    @tf.custom_gradient
    def quantise(values: Any) -> Any:
        return integers.weights_as_int8(values, step), lambda upstream: upstream

    return quantise(values)
