"""From a recipe to the network it means, and weights in and out of it.

The quantised graph is never stored: it is built anew from the recipe and its weights are put in.
"""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise import networks
from tfqnoise.backend import keras
from tfqnoise.compression import forms
from tfqnoise.compression.forms import Form
from tfqnoise.compression.plan import Phase, phases
from tfqnoise.compression.pruning import surgery
from tfqnoise.errors import RunError, UsageError
from tfqnoise.recipe import IMAGENET, Recipe
from tfqnoise.run import Run


def factory(recipe: Recipe) -> Any:
    """Returns what builds the recipe's network from an input shape and a number of classes.

    Raises:
        UsageError: for an unknown network or setting, or a width that isn't from its own flag.
    """
    named = networks.registry.parse(recipe.network)
    if "width" in named:
        raise UsageError(
            f"--network {recipe.network} with the setting 'width'",
            "this setting from its own flag",
            f"leave it out there and use --width {named['width']}",
        )
    return networks.get(recipe.network, width=recipe.width)


def build(recipe: Recipe, input_shape: tuple[int, int, int], classes: int) -> Any:
    """Returns the recipe's plain float network with fresh weights."""
    network = factory(recipe)(input_shape, classes)
    return _with_positive_scales(network) if recipe.clusters else network


def begun(recipe: Recipe, input_shape: tuple[int, int, int], classes: int) -> Any:
    """Returns the recipe's plain network with fresh weights, without the filters that the run of --weights has lost.

    Raises:
        RunError: if that run has no weights, or they are damaged.
        UsageError: if its network is another one.
    """
    return surgery.rebuilt(build(recipe, input_shape, classes), inherited(recipe))


def inherited(recipe: Recipe) -> dict[str, np.ndarray]:
    """Returns the filters that the run of --weights has left, by layer that lost some; none without such a run.

    Raises:
        RunError: if the run has no weights, or they are damaged.
        UsageError: if its network is another one.
    """
    if not recipe.weights or recipe.weights == IMAGENET:
        return {}
    run = Run.open(recipe.weights)
    check_same_network(recipe, run)
    return filters_of(run.read_arrays("weights.npz"))


def check_same_network(recipe: Recipe, run: Run) -> None:
    """Raises UsageError if the run of --weights has another network than the recipe."""
    found, wanted = (run.recipe.network, run.recipe.width), (recipe.network, recipe.width)
    if found != wanted:
        raise UsageError(
            "the run of --weights has the network {}, of width {:g}".format(*found),
            "{} of width {:g}".format(*wanted),
            "choose another run, or this network",
        )


def _with_positive_scales(network: Any) -> Any:
    """Keeps the scales of batch norms positive.

    Folded into a kernel, a negative scale would turn the signs of a channel's weights, and with them K values
    into as many as 2 K.
    """

    def constrained(layer: Any) -> Any:
        config = layer.get_config()
        if isinstance(layer, keras.layers.BatchNormalization):
            config["gamma_constraint"] = AtLeast(1e-3)
        return type(layer).from_config(config)

    copy = keras.models.clone_model(network, clone_function=constrained)
    copy.set_weights(network.get_weights())
    return copy


@keras.utils.register_keras_serializable("tfqnoise")
class AtLeast(keras.constraints.Constraint):
    """Keeps values at a least one.

    Args:
        least: the smallest allowed value.
    """

    def __init__(self, least: float) -> None:
        self.least = least

    def __call__(self, w: Any) -> Any:
        return keras.backend.maximum(w, self.least)

    def get_config(self) -> dict[str, Any]:
        return {"least": self.least}


def compress(recipe: Recipe, network: Any) -> Form:
    """Returns the recipe's network as its last phase trains it, started from the weights of a plain one.

    Raises:
        PlanError: if a layer would stay float that the recipe doesn't allow, or the stages don't fit.
    """
    return forms.build(recipe, phases(recipe)[-1], network, None, 1)


@dataclasses.dataclass(frozen=True)
class Restored:
    """A run's network.

    Attributes:
        network: as it was evaluated last, not settled.
        phase: that it was trained in last; says whether it is quantised.
        plain: a plain network of the same form.
        filters: by layer that lost some, the numbers of those that are left.
        epoch: the epochs it was trained for.
    """

    network: Any
    phase: Phase
    plain: Any
    epoch: int
    filters: dict[str, np.ndarray]


def restored(run: Run, input_shape: tuple[int, int, int], classes: int) -> Restored:
    """Rebuilds the network of a run and puts its weights in.

    Args:
        run: a run that has finished an epoch.
        input_shape: (height, width, channels) of a picture.
        classes: outputs.

    Raises:
        RunError: if the run has not finished an epoch, or a file is damaged.
        UsageError: if it is still being pre-trained.
    """
    recipe = run.recipe
    arrays = run.read_arrays("weights.npz")
    filters = filters_of(arrays)
    plain = surgery.rebuilt(build(recipe, input_shape, classes), filters)
    epoch = int(arrays.get("epoch", recipe.epochs))
    phase = next(p for p in phases(recipe) if p.start < epoch <= p.end)
    if phase.rotation:
        raise UsageError(
            f"{run.path} is in epoch {epoch}, in which it pre-trains without labels",
            "a run that has begun to learn labels",
            f"go on with it: python scripts/train.py --resume --run-dir {run.path}",
        )
    network = forms.build(recipe, phase, plain, None, 1).network
    assign(list(network.weights), arrays, "network", run.path / "weights.npz")
    return Restored(network, phase, plain, epoch, filters)


def filters_of(arrays: dict[str, np.ndarray], group: str = "filters") -> dict[str, np.ndarray]:
    """Returns which filters a stored network has left, by layer that lost some."""
    return {name.removeprefix(f"{group}/"): value for name, value in arrays.items() if name.startswith(f"{group}/")}


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
