"""The integer model of a recipe before anything has been trained, to check what a target makes of it."""

from typing import Any

from tfqnoise import assembly
from tfqnoise.backend import tf
from tfqnoise.compression.plan import phases
from tfqnoise.compression.pruning import filters
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.data import dataset as data
from tfqnoise.errors import UsageError
from tfqnoise.export import convert
from tfqnoise.export.storage import pack
from tfqnoise.recipe import Recipe


def untrained(recipe: Recipe, io: str, storage: str) -> bytes:
    """Returns the model that the recipe would be exported as, with fresh weights and as many filters as are left.

    Args:
        recipe: with --bits below 32.
        io: "int8" or "uint8".
        storage: of weights, as in `tfqnoise.export.export`.

    Raises:
        UsageError: for a recipe that ends in float.
        PlanError: if a layer would stay float that the recipe doesn't allow.
        DataError: if the data set, which says how large pictures are, can't be loaded.
    """
    if not phases(recipe)[-1].quantised:
        raise UsageError(f"--bits {recipe.bits}, a model in float", "an integer model", "train with --bits 8")
    dataset = data.load(recipe)
    plain = assembly.begun(recipe, dataset.input_shape, dataset.classes)
    return converted(recipe, filters.outlined(recipe, plain), io, storage)


def converted(recipe: Recipe, plain: Any, io: str, storage: str) -> bytes:
    """Returns the model that a plain network would be exported as with a recipe's bits.

    Args:
        recipe: with --bits below 32.
        plain: the network, with any weights.
        io: "int8" or "uint8".
        storage: of weights, as in `tfqnoise.export.export`.
    """
    network, shape = assembly.compress(recipe, plain).network, plain.input_shape[1:]
    # Ranges of activations are those of one batch of noise: the converter takes none that is empty.
    network(tf.random.stateless_uniform([16, *shape], [0, 0]), training=True)
    settle(network, storage)
    return pack(convert.integer(network, shape, io), storage)
