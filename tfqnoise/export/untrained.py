"""The integer model of a recipe before anything has been trained, to check what a target makes of it."""

from typing import Any

import numpy as np

from tfqnoise import assembly, metrics
from tfqnoise.backend import tf
from tfqnoise.compression.plan import phases
from tfqnoise.compression.pruning import filters
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.data import dataset as data
from tfqnoise.data.source import Source
from tfqnoise.errors import UsageError
from tfqnoise.export import convert, metadata
from tfqnoise.export.storage import pack
from tfqnoise.recipe import Recipe

# Stands for the accuracy, with as many digits as one may have: what is within a budget by this must stay within it.
_SCORE = 1 / 57


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
    return converted(recipe, filters.outlined(recipe, plain), dataset.source, io, storage)


def converted(recipe: Recipe, plain: Any, source: Source, io: str, storage: str) -> bytes:
    """Returns the model that a plain network would be exported as with a recipe's bits, with all that a file holds.

    Args:
        recipe: with --bits below 32.
        plain: the network, with any weights.
        source: of the data, whose labels the file names.
        io: "int8" or "uint8".
        storage: of weights, as in `tfqnoise.export.export`.
    """
    network, shape = assembly.compress(recipe, plain).network, plain.input_shape[1:]
    # Ranges of activations are those of one batch of noise: the converter takes none that is empty.
    network(tf.random.stateless_uniform([16, *shape], [0, 0]), training=True)
    # Biases that are all zero, as they are at first, are stored once: such a file is smaller than it will be.
    random = np.random.default_rng(0)
    for variable in network.weights:
        if variable.name.endswith(("bias:0", "beta:0")):
            variable.assign_add(random.uniform(0, 0.01, variable.shape))
    settle(network, storage)
    content = pack(convert.integer(network, shape, io), storage)
    return metadata.described(
        content,
        metadata.facts(
            recipe,
            source.class_names,
            source.task,
            io,
            bits=recipe.bits,
            licence="",
            metric=metrics.HEADLINE[source.task],
            score=_SCORE,
        ),
    )
