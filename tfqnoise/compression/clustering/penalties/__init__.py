"""What draws a kernel's weights to its centroids. One file each.

A penalty is a pure function of (weights [N], centroids [K], its own variables), a sum over the weights, with the
scale of half a squared distance: its gradient by a weight is about the weight's distance from its centroid. None
holds an N x K matrix.

The formulas are ours to choose: of "Quantization-Aware Regularizers for Deep Neural Networks Compression" (arXiv
2602.03614), which has per-layer regularisers and representatives that are network parameters, only the abstract
could be read.
"""

from typing import Any

from tfqnoise.backend import tf
from tfqnoise.registry import Registry

registry = Registry("penalty", __name__)
register, get = registry.register, registry.get

# Weights a block: with 256 centroids a block's matrix takes 64 MB.
_BLOCK = 65_536


class Penalty:
    """What all penalties share."""

    def build(self, layer: Any, clusters: int) -> dict[str, Any]:
        """Returns the penalty's own trainable variables, added to a Keras layer."""
        return {}

    def start(self, centroids: Any, variables: dict[str, Any]) -> None:
        """Sets its variables for first centroids."""

    def __call__(self, weights: Any, centroids: Any, variables: dict[str, Any]) -> Any:
        raise NotImplementedError


def blockwise(function: Any, weights: Any, *parameters: Any) -> Any:
    """Returns the sum of function(weights, *parameters) with its gradients, never looking at all weights at once.

    Each block's gradients are taken along with its value, so nothing of it has to be kept.

    Args:
        function: maps float32 [B] and the parameters to float32 [B].
        weights: float32 [N] of known N.
        *parameters: float32 tensors.
    """
    count = int(weights.shape[0])
    blocks = -(-count // _BLOCK)
    if blocks == 1:
        return tf.reduce_sum(function(weights, *parameters))

    def one(inputs: Any) -> Any:
        (block, valid), given = inputs, list(parameters)
        with tf.GradientTape() as tape:
            tape.watch([block, *given])
            value = tf.reduce_sum(tf.where(valid, function(block, *given), 0.0))
        return value, *tape.gradient(value, [block, *given], unconnected_gradients="zero")

    @tf.custom_gradient
    def total(weights: Any, *parameters: Any) -> Any:
        padded = tf.reshape(tf.pad(weights, [[0, blocks * _BLOCK - count]]), [blocks, _BLOCK])
        valid = tf.reshape(tf.range(blocks * _BLOCK) < count, [blocks, _BLOCK])
        signature = tuple(
            tf.TensorSpec(shape, tf.float32) for shape in ([], [_BLOCK], *(p.shape for p in parameters))
        )
        values, by_weight, *by_parameter = tf.map_fn(
            one, (padded, valid), fn_output_signature=signature, parallel_iterations=1
        )

        def gradient(upstream: Any) -> Any:
            return upstream * tf.reshape(by_weight, [-1])[:count], *(
                upstream * tf.reduce_sum(g, 0) for g in by_parameter
            )

        return tf.reduce_sum(values), gradient

    return total(weights, *parameters)


def nearest(weights: Any, centroids: Any) -> Any:
    """Returns the index of each weight's nearest centroid, int32 [N], by binary search.

    Args:
        weights: float32 [N].
        centroids: float32 [K], sorted.
    """
    return tf.searchsorted((centroids[1:] + centroids[:-1]) / 2, weights)
