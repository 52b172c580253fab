"""Weights that are their centroids."""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.backend import keras, tf
from tfqnoise.compression.clustering.codebook import Codebook
from tfqnoise.compression.quantization import integers
from tfqnoise.compression.quantization.weights import WeightQuantizer


@dataclasses.dataclass(frozen=True)
class Snapped(WeightQuantizer):
    """Holds each weight at its centroid and trains the centroids.

    w^_i = c_k(i), with k(i) fixed. On the free grid c is rounded to int8 by the one step max |c| / 127, so the file
    holds at most K integers; on the uniform grid w^_i = s q_i with fixed integers q and a trained step s.

    dL/dc_k = sum_{i in k} dL/dw^_i, divided by the root of the mean cluster size (of N n for the step), as LSQ does:
    a sum over thousands of weights would otherwise outrun the learning rate that suits one.

    Args:
        bits: 8.
        per_channel: whether the step is written once per channel (the same each time), as convolutions need it.
        clusters: K, or how many codes the uniform grid has.
        grid: "free" or "uniform".
    """

    bits: int
    per_channel: bool
    clusters: int
    grid: str

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        zeros = keras.initializers.Zeros()
        one = keras.initializers.Constant(1.0)
        variables = {
            "assignments": layer.add_weight(
                f"{name}_assignments", shape=tensor_shape, dtype=tf.int32, initializer=zeros, trainable=False
            )
        }
        if self.grid == "uniform":
            return variables | {"step": layer.add_weight(f"{name}_step", initializer=one)}
        shape = (self.clusters,)
        return variables | {
            "centroids": layer.add_weight(f"{name}_centroids", shape=shape, initializer=zeros),
            # 0 for the centroid of a pruned kernel's zeros, which stays where it is.
            "free": layer.add_weight(f"{name}_free", shape=shape, initializer=one, trainable=False),
        }

    def place(self, kernel: Any, variables: dict[str, Any], codebook: Codebook) -> None:
        """Takes centroids and assignments from a codebook, and a kernel."""
        index = codebook.assignments(kernel)
        if self.grid == "uniform":
            variables["step"].assign(tf.abs(codebook.parameter))
            variables["assignments"].assign(codebook.codes[index].astype(np.int32))
        else:
            centroids = codebook.centroids
            variables["centroids"].assign(centroids)
            fixed = (centroids == 0) & codebook.with_zero
            variables["free"].assign(tf.cast(~fixed, tf.float32))
            variables["assignments"].assign(index)

    def step(self, weight: Any, variables: dict[str, Any]) -> Any:
        if self.grid == "uniform":
            step = tf.abs(variables["step"])
        else:
            step = tf.reduce_max(tf.abs(variables["centroids"] * variables["free"])) / 127
        step = tf.maximum(step, integers.SMALLEST_STEP)
        return tf.fill(weight.shape[-1:], step) if self.per_channel else step

    def values(self, variables: dict[str, Any]) -> Any:
        """Returns the kernel, before it is rounded to int8."""
        index = variables["assignments"]
        if self.grid == "uniform":
            scale = max(1.0, (self.clusters - 1) // 2) * np.prod(index.shape)
            return _scaled(tf.cast(index, tf.float32), tf.abs(variables["step"]), float(scale) ** -0.5)
        share = (self.clusters / np.prod(index.shape)) ** 0.5
        return _gathered(variables["centroids"] * variables["free"], index, float(share))

    def quantise(self, weight: Any, variables: dict[str, Any]) -> Any:
        values = self.values(variables)
        return values if self.grid == "uniform" else _rounded(values, tf.stop_gradient(self.step(weight, variables)))

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **kwargs: Any) -> Any:
        if training:
            return self.quantise(inputs, weights)
        return integers.weights_as_int8(self.values(weights), self.step(inputs, weights))

    def settle(self, weight: Any, variables: dict[str, Any]) -> None:
        weight.assign(self.values(variables))

    def describe(self) -> str:
        return f"{self.clusters} centroids, {self.grid} grid,"

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


def _scaled(codes: Any, step: Any, factor: float) -> Any:
    @tf.custom_gradient
    def scale(step: Any) -> Any:
        return step * codes, lambda upstream: factor * tf.reduce_sum(upstream * codes)

    return scale(step)


def _rounded(values: Any, step: Any) -> Any:
    @tf.custom_gradient
    def quantise(values: Any) -> Any:
        return integers.weights_as_int8(values, step), lambda upstream: upstream

    return quantise(values)
