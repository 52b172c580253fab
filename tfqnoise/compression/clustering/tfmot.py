"""TF-MOT's own weight clustering, to compare with."""

from typing import Any

import tensorflow_model_optimization as tfmot

from tfqnoise.backend import keras, tf
from tfqnoise.errors import PlanError

_clustering: Any = tfmot.clustering.keras


def wrap(network: Any, layers: set[str], clusters: int, *, sparse: bool) -> Any:
    """Returns a copy of a network in which TF-MOT clusters the kernels of the named layers.

    It starts from the network's weights with k-means++ centroids; clusters are assigned anew in each step, weights
    and centroids are both trained.

    Args:
        network: a plain network.
        layers: names of convolutions and dense layers.
        clusters: values a kernel may take, one of them 0 if `sparse`.
        sparse: whether the zeros of the kernels stay.
    """
    arguments = {
        "number_of_clusters": clusters,
        "cluster_centroids_init": _clustering.CentroidInitialization.KMEANS_PLUS_PLUS,
        "preserve_sparsity": sparse,
        # Its default, the sum over thousands of weights, diverges at the learning rate of the other stages. TF-MOT
        # compares this with a string and doesn't export the name.
        "cluster_gradient_aggregation": "GradientAggregation.AVG",
    }

    def annotate(layer: Any) -> Any:
        return _clustering.cluster_weights(layer, **arguments) if layer.name in layers else layer

    # TF-MOT wraps the layers that it is given, so it is given copies.
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    try:
        wrapped = keras.models.clone_model(copy, clone_function=annotate)
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        raise PlanError(
            f"TF-MOT can't cluster these weights: {str(error).splitlines()[0][:200]}",
            "kernels with more distinct values than clusters",
            "use fewer --clusters or less --sparsity, or --clustering centroids",
        ) from error
    for layer in _wrappers(wrapped):
        # TF-MOT keeps the masks as constants, which no checkpoint would hold.
        layer.sparsity_masks = {
            name: tf.Variable(mask, trainable=False, name=f"{layer.name}/sparsity_mask")
            for name, mask in layer.sparsity_masks.items()
        }
    return wrapped


def masks(network: Any) -> list[Any]:
    """Returns the variables of a wrapped network that Keras doesn't know of; none for another network."""
    return [mask for layer in _wrappers(network) for mask in layer.sparsity_masks.values()]


def refresh(network: Any) -> None:
    """Finds a wrapped network's centroids of zero again, after its variables were set."""
    for layer in _wrappers(network):
        for name in layer.zero_idx:
            layer.zero_idx[name] = tf.argmin(tf.abs(layer.cluster_centroids[name]), axis=-1)


def _wrappers(network: Any) -> list[Any]:
    return [layer for layer in network.layers if hasattr(layer, "clustering_algorithms")]


def clusters(network: Any) -> list[tuple[str, Any, Any, Any]]:
    """Returns of each clustered kernel of a wrapped network the layer's name, weights, centroids and assignments."""
    found = []
    for layer in _wrappers(network):
        for name, weight in layer.original_clusterable_weights.items():
            centroids = layer.cluster_centroids[name].numpy()
            index = layer.clustering_algorithms[name].get_pulling_indices(weight).numpy()
            found.append((layer.name, weight, centroids, index))
    return found


def strip(network: Any) -> Any:
    """Returns the plain network with the clustered weights in it."""
    return _clustering.strip_clustering(network)
