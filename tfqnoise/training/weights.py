"""Weights to start from."""

from typing import Any

import numpy as np

from tfqnoise import assembly, networks
from tfqnoise.compression import forms
from tfqnoise.compression.forms import Form
from tfqnoise.compression.pruning import surgery
from tfqnoise.errors import UsageError
from tfqnoise.networks import imagenet
from tfqnoise.recipe import IMAGENET, Recipe
from tfqnoise.training.teacher import finished


def started(recipe: Recipe, network: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """Returns the network of a recipe with the weights of --weights, and the filters that it has left.

    What it learnt last, with quantization or without, is taken over as plain weights; where the classes are others,
    all but those of the last layer. Of a run whose filters were pruned the smaller network goes on.

    Args:
        recipe: names the run, or ImageNet.
        network: the recipe's plain network.

    Raises:
        RunError: if the run isn't finished or is damaged.
        UsageError: if its network is another one, or has no weights learned on ImageNet.
        DataError: if those can't be fetched.
    """
    if recipe.weights == IMAGENET:
        imagenet.load(network, str(networks.registry.parse(recipe.network)["name"]), recipe.width)
        return network, {}
    run, shape, class_names = finished(recipe.weights or "", "--weights")
    assembly.inherited(recipe)
    if shape[-1] != network.input_shape[-1]:
        raise UsageError(
            f"the run of --weights learnt pictures of {shape[-1]} channels",
            f"pictures of {network.input_shape[-1]} channels",
            "choose another run, or other pictures",
        )
    trained = assembly.restored(run, (shape[0], shape[1], shape[2]), len(class_names))
    forms.take_over(Form(trained.network), trained.plain)
    result = surgery.rebuilt(network, trained.filters)
    for layer, other in zip(result.layers, trained.plain.layers, strict=True):
        if [v.shape for v in layer.weights] == [v.shape for v in other.weights]:
            layer.set_weights(other.get_weights())
    return result, trained.filters
