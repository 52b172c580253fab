"""TF-MOT's own weight clustering, to compare with."""

from typing import Any

import tensorflow_model_optimization as tfmot

from tfqnoise.backend import keras

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
    return keras.models.clone_model(copy, clone_function=annotate)


def strip(network: Any) -> Any:
    """Returns the plain network with the clustered weights in it."""
    return _clustering.strip_clustering(network)
