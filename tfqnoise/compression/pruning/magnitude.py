"""Magnitude pruning through TF-MOT."""

from typing import Any

import tensorflow_model_optimization as tfmot

from tfqnoise.backend import keras

_sparsity: Any = tfmot.sparsity.keras

# Weights are chosen anew this often while sparsity climbs, and not in the last quarter of the stage, in which those
# that are left settle.
_UPDATES = 50
_CLIMB = 0.75


def wrap(network: Any, layers: set[str], sparsity: float, steps: int) -> Any:
    """Returns a copy of a network whose smallest weights TF-MOT sets to zero while it is trained.

    The share of zeros climbs as s (1 - (1 - t / T)^3) over the first three quarters T of the steps.

    Args:
        network: a plain network.
        layers: names of the layers whose kernels are pruned.
        sparsity: share of zeros at the end, s.
        steps: training steps of the stage.

    Reference: Zhu and Gupta, 2017 (arXiv 1710.01878), equation 1.
    """
    climb = max(1, round(_CLIMB * steps))
    frequency = max(1, climb // _UPDATES)
    # The last choice must fall on the last step of the climb, or sparsity stays a little short.
    end = climb // frequency * frequency
    schedule = _sparsity.PolynomialDecay(0.0, sparsity, 0, end, power=3, frequency=frequency)

    def annotate(layer: Any) -> Any:
        return _sparsity.prune_low_magnitude(layer, pruning_schedule=schedule) if layer.name in layers else layer

    # TF-MOT wraps the layers that it is given, so it is given copies.
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return keras.models.clone_model(copy, clone_function=annotate)


def strip(network: Any) -> Any:
    """Returns the plain network with the pruned weights in it."""
    for layer in network.layers:
        if hasattr(layer, "pruning_obj"):
            layer.pruning_obj.weight_mask_op()
    return _sparsity.strip_pruning(network)


def callback() -> Any:
    """Returns what `fit` needs while a network of `wrap` is trained; it must come before evaluation."""
    return _sparsity.UpdatePruningStep()
