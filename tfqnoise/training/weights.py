"""Weights to start from."""

from typing import Any

import numpy as np

from tfqnoise import assembly, networks
from tfqnoise.backend import keras
from tfqnoise.compression import forms
from tfqnoise.compression.forms import Form
from tfqnoise.compression.pruning import surgery
from tfqnoise.compression.pruning.channels import uses
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
        result, filters = network, dict[str, np.ndarray]()
    else:
        result, filters = _of_run(recipe, network)
    if recipe.clusters:
        _turn(result)
    return result, filters


def _of_run(recipe: Recipe, network: Any) -> tuple[Any, dict[str, np.ndarray]]:
    run, shape, class_names = finished(recipe.weights or "", "--weights")
    assembly.check_same_network(recipe, run)
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


def _turn(network: Any) -> None:
    """Makes the scales of batch norms positive, with the filters before them turned, which computes the same.

    With --clusters a scale must be positive (`tfqnoise.assembly.build`). A negative one that was learned without
    would lose its channel in the first step.
    """
    for norm in network.layers:
        if not isinstance(norm, keras.layers.BatchNormalization) or not norm.scale:
            continue
        maker, depthwise = norm.inbound_nodes[0].inbound_layers, keras.layers.DepthwiseConv2D
        # Of other layers, such as a transposed convolution, filters lie elsewhere; a shared norm has several makers.
        if type(maker) not in (keras.layers.Conv2D, keras.layers.Dense, depthwise) or len(uses(network, norm)) > 1:
            continue
        if len(maker.outbound_nodes) > 1 or maker.activation is not keras.activations.linear:
            continue
        sign = np.where(norm.gamma.numpy() < 0, np.float32(-1), np.float32(1))
        # Of a depthwise kernel the filters are the last two axes.
        kernel = maker.depthwise_kernel if isinstance(maker, depthwise) else maker.kernel
        kernel.assign(kernel * sign.reshape(kernel.shape[-2:] if isinstance(maker, depthwise) else -1))
        for weight in (maker.bias, norm.moving_mean, norm.gamma):
            if weight is not None:
                weight.assign(weight * sign)
