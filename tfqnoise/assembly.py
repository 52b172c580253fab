"""From a recipe to the network it means, and weights in and out of it.

The quantised graph is never stored: it is built anew from the recipe and its weights are put in.
"""

from typing import Any

import numpy as np

from tfqnoise import networks
from tfqnoise.compression.plan import LayerReport
from tfqnoise.compression.quantization.qat import Widths, quantize
from tfqnoise.errors import RunError
from tfqnoise.recipe import Recipe


def build(recipe: Recipe, input_shape: tuple[int, int, int], classes: int) -> Any:
    """Returns the recipe's plain float network with fresh weights."""
    return networks.get(recipe.network, width=recipe.width)(input_shape, classes)


def compress(recipe: Recipe, network: Any) -> tuple[Any, list[LayerReport]]:
    """Returns the quantised form of the recipe's network and the report of its layers.

    Raises:
        PlanError: if a layer would stay float that the recipe doesn't allow.
    """
    widths = Widths(
        recipe.bits, recipe.quantizer, recipe.activation_bits, recipe.activation_quantizer, recipe.edge_bits
    )
    return quantize(network, recipe.allow_float, widths)


def arrays_of(variables: list[Any], group: str) -> dict[str, np.ndarray]:
    """Returns the values of variables by "group/number/name", ready for `Run.write_arrays`."""
    return {f"{group}/{n:04d}/{v.name.split(':')[0]}": v.numpy() for n, v in enumerate(variables)}


def assign(variables: list[Any], arrays: dict[str, np.ndarray], group: str, path: Any) -> None:
    """Puts the values that `arrays_of` took into variables of the same order, names and shapes.

    Raises:
        RunError: if they differ, so that the values belong to another network.
    """
    values = {name: arrays[name] for name in sorted(arrays) if name.startswith(group + "/")}
    # Only the last part of a name is the variable's own; TensorFlow may number the layers in front of it.
    found = [(name.split("/")[-1], value.shape) for name, value in values.items()]
    wanted = [(v.name.split(":")[0].split("/")[-1], tuple(v.shape)) for v in variables]
    if found != wanted:
        raise RunError(
            f"{path} holds {len(found)} arrays for '{group}' that don't fit the network",
            f"{len(wanted)} arrays of the names and shapes that recipe.json leads to",
            "restore recipe.json and the file from one run, or train again",
        )
    for variable, value in zip(variables, values.values(), strict=True):
        variable.assign(value)
