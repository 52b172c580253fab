"""The forms that a network takes from phase to phase, and what goes over from one to the next.

A plain network is rebuilt with TF-MOT's wrappers around its layers: for pruning, for TF-MOT's clustering, for
quantization. Each form starts from the weights of the one before.
"""

import dataclasses
import fnmatch
import functools
from typing import Any

import numpy as np

from tfqnoise.backend import keras, tf
from tfqnoise.compression.clustering import tfmot
from tfqnoise.compression.clustering.codebook import Codebook, Codebooks, group_count, group_sizes, statistics
from tfqnoise.compression.clustering.snapped import Snapped
from tfqnoise.compression.plan import LayerReport, Phase
from tfqnoise.compression.pruning import magnitude
from tfqnoise.compression.quantization.qat import Widths, quantize
from tfqnoise.errors import PlanError, TrainingError
from tfqnoise.recipe import Recipe

_PREFIXES = ("quant_", "prune_low_magnitude_", "cluster_")


@dataclasses.dataclass
class Form:
    """A network as one phase trains it.

    Attributes:
        network: with the phase's wrappers.
        layers: what became of each layer, where it is quantised.
        codebooks: by layer, where centroids are trained or have been.
        masks: 1 where a weight may differ from zero, by layer, where pruning is over.
        snapped: whether weights are centroids.
    """

    network: Any
    layers: list[LayerReport] = dataclasses.field(default_factory=list)
    codebooks: dict[str, Codebooks] = dataclasses.field(default_factory=dict)
    masks: dict[str, Any] = dataclasses.field(default_factory=dict)
    snapped: bool = False

    def kernels(self) -> dict[str, Any]:
        """Returns the kernel variables by the layer's name in the plain network."""
        found = {}
        for layer in self.network.layers:
            for variable in layer.weights:
                if _own_name(variable) in ("kernel", "depthwise_kernel"):
                    found[_plain_name(layer)] = variable
        return found

    def trained(self) -> list[Any]:
        """Returns the variables that the optimizer changes: not the kernels whose centroids are trained instead."""
        left = {id(weight) for weight, quantizer, _ in self._quantised() if isinstance(quantizer, Snapped)}
        own = [v for book in self.books() for v in book.trainable_weights] if not left else []
        return [v for v in self.network.trainable_variables if id(v) not in left] + own

    def trunk(self, layer: str) -> Any:
        """Returns the part of the network that leads to a layer of the plain one, which shares its variables."""
        found = next(each for each in self.network.layers if _plain_name(each) == layer)
        # TF-MOT puts layers that it doesn't wrap into several graphs, of which the network is the last.
        return keras.Model(self.network.input, found.get_output_at(-1))

    def books(self) -> list[Codebook]:
        """Returns every single codebook."""
        return [book for codebooks in self.codebooks.values() for book in codebooks.books]

    def clusters(self) -> list[dict[str, Any]]:
        """Returns the statistics of each codebook (`clustering.codebook.statistics`): of those trained beside the
        weights, of snapped weights, or of TF-MOT's."""
        kernels = self.kernels()
        if self.snapped:
            rows = [
                quantizer.statistics(_plain_name(layer), weight, variables)
                for layer in self.network.layers
                for weight, quantizer, variables in getattr(layer, "_weight_vars", ())
                if isinstance(quantizer, Snapped)
            ]
            return [row for layer_rows in rows for row in layer_rows]
        if self.codebooks:
            return [
                book.statistics(part)
                for name, codebooks in self.codebooks.items()
                for book, part in codebooks.parts(kernels[name])
            ]
        return [
            statistics(name.removeprefix("cluster_"), kernel, centroids, index)
            for name, kernel, centroids, index in tfmot.clusters(self.network)
        ]

    def revive(self) -> dict[str, int]:
        """Gives centroids without weights some to serve; returns how many were moved, by codebook."""
        kernels = self.kernels()
        return {
            book.name: book.revive(part)
            for name, codebooks in self.codebooks.items()
            for book, part in codebooks.parts(kernels[name])
        }

    def state(self) -> list[Any]:
        """Returns the variables beside the network's that a checkpoint keeps."""
        books = [v for book in self.books() for v in book.weights]
        return [*books, *self.masks.values(), *tfmot.masks(self.network)]

    def restored(self) -> None:
        """To be called when a checkpoint has been put into the form's variables."""
        tfmot.refresh(self.network)

    def _quantised(self) -> list[Any]:
        return [triple for layer in self.network.layers for triple in getattr(layer, "_weight_vars", ())]


def build(recipe: Recipe, phase: Phase, plain: Any, before: Form | None, steps_per_epoch: int) -> Form:
    """Returns the form of a phase.

    Args:
        recipe: says how to compress.
        phase: the phase.
        plain: the network in its plain form; it takes over the weights of `before`.
        before: the form of the phase before; None at the start, and when a checkpoint will be put in.
        steps_per_epoch: batches an epoch.

    Raises:
        PlanError: if a layer can't be quantised.
    """
    if before is not None:
        take_over(before, plain)
    form = Form(plain, snapped=phase.snapped)
    kernels = form.kernels()
    if phase.pruned:
        form.masks = before.masks if before and before.masks else _masks(kernels, before is not None)
    clustered = clusterable(recipe, kernels)
    if recipe.clustering == "centroids" and (phase.clustering or phase.snapped):
        form.codebooks = before.codebooks if before and before.codebooks else {}
        if not form.codebooks:
            # What a checkpoint will overwrite needs no long search.
            known = before is not None or phase.start == 0
            form.codebooks = _codebooks(recipe, clustered, phase, recipe.initialisation if known else "linear")
    elif phase.snapped:
        # TF-MOT has found the clusters: the values that each kernel has.
        form.codebooks = _codebooks(recipe, clustered, phase, "linear")
        for name, codebooks in form.codebooks.items():
            for book, part in codebooks.parts(clustered[name]) if before is not None else ():
                book.take(part)
    if phase.quantised:
        form.network, form.layers = _quantised(recipe, phase, plain, before, form.codebooks)
    elif phase.pruning:
        steps = (phase.stage[1] - phase.stage[0]) * steps_per_epoch
        form.network = magnitude.wrap(plain, set(kernels), recipe.sparsity, steps)
    elif phase.clustering and recipe.clustering == "tfmot":
        form.network = tfmot.wrap(plain, set(clustered), recipe.clusters or 0, sparse=phase.pruned)
    return form


def take_over(form: Form, plain: Any) -> None:
    """Gives a plain network the weights of a form of it."""
    _carry(_stripped(form.network), plain)


def set_batch_norm_frozen(network: Any, frozen: bool) -> None:
    """Makes every batch norm use its stored statistics and keep them, or measure them again."""
    for layer in network.layers:
        inner = getattr(layer, "layer", layer)
        if isinstance(inner, keras.layers.BatchNormalization):
            inner.trainable = not frozen


def clusterable(recipe: Recipe, kernels: dict[str, Any]) -> dict[str, Any]:
    """Returns the kernels that have more weights than clusters; the others are left as they are."""
    return {name: kernel for name, kernel in kernels.items() if np.prod(kernel.shape) > (recipe.clusters or np.inf)}


def penalty_weights(recipe: Recipe, form: Form) -> dict[str, float]:
    """Returns the weight of the penalty for each layer that has centroids.

    Raises:
        PlanError: if a pattern of --penalty-weights fits no such layer.
    """
    pairs = recipe.layer_penalty_weights()
    for pattern, _ in pairs:
        if form.codebooks and not fnmatch.filter(form.codebooks, pattern):
            raise PlanError(
                f"--penalty-weights names '{pattern}', which fits no layer with centroids",
                f"a layer, or a pattern of layers, of {', '.join(form.codebooks)}",
                "correct the name",
            )
    return {
        name: next((weight for pattern, weight in pairs if fnmatch.fnmatchcase(name, pattern)), recipe.penalty_weight)
        for name in form.codebooks
    }


def check(recipe: Recipe, form: Form, phase: Phase) -> None:
    """Checks at the end of a phase what compression promised.

    Raises:
        TrainingError: if a kernel has more values than clusters or levels, or fewer zeros than asked for.
    """
    by_tfmot = phase.clustering and recipe.clustering == "tfmot"
    plain = Form(_stripped(form.network))
    clustered = clusterable(recipe, plain.kernels()) if by_tfmot else {}
    for name, kernel in plain.kernels().items():
        values = kernel.numpy()
        # A share of a few weights can only be met up to one of them.
        if (phase.pruning or phase.pruned) and np.mean(values == 0) < recipe.sparsity - 1 / values.size:
            raise _broken(f"{name} has {np.mean(values == 0):.1%} zeros", f"{recipe.sparsity:.1%} of them")
        if name in clustered and len(np.unique(values)) > (recipe.clusters or 0):
            raise _broken(f"{name} has {len(np.unique(values))} values", f"at most {recipe.clusters}")
    for layer in form.network.layers:
        for weight, quantizer, variables in getattr(layer, "_weight_vars", ()):
            step = quantizer.step(weight, variables)
            codes = np.round(quantizer(weight, False, variables) / step)
            snapped = isinstance(quantizer, Snapped)
            most = quantizer.clusters if snapped else 2**quantizer.bits
            sizes = group_sizes(codes.shape[-1], quantizer.groups if snapped else 1)
            for part in np.split(codes, np.cumsum(sizes)[:-1], axis=-1):
                if len(np.unique(part)) > most:
                    raise _broken(f"{_plain_name(layer)} has {len(np.unique(part))} levels", f"at most {most}")


def _broken(received: str, expected: str) -> TrainingError:
    return TrainingError(f"after its stage {received}", expected, "report a defect with the run's recipe.json")


def _quantised(
    recipe: Recipe, phase: Phase, plain: Any, before: Form | None, books: dict[str, Codebooks]
) -> tuple[Any, list[LayerReport]]:
    widths = Widths(
        recipe.bits, recipe.quantizer, recipe.activation_bits, recipe.activation_quantizer, recipe.edge_bits
    )
    snapped = {
        name: functools.partial(
            Snapped, bits=8, clusters=len(each.books[0].centroids), grid=recipe.grid, groups=len(each.books)
        )
        for name, each in books.items()
        if phase.snapped
    }
    network, reports = quantize(plain, recipe.allow_float, widths, snapped)
    if before is not None:
        _carry(before.network, network)
        if before.snapped:
            # The centroids have been trained since they were placed.
            return network, reports
    kernels = Form(plain).kernels()
    for layer in network.layers:
        for weight, quantizer, variables in getattr(layer, "_weight_vars", ()):
            if isinstance(quantizer, Snapped):
                name = _plain_name(layer)
                quantizer.place(kernels[name], variables, books[name])
                quantizer.settle(weight, variables)
    return network, reports


def _codebooks(recipe: Recipe, kernels: dict[str, Any], phase: Phase, initialisation: str) -> dict[str, Codebooks]:
    found = {}
    for number, (name, kernel) in enumerate(kernels.items()):
        # Dense and depthwise layers have one step, and so one codebook.
        groups = 1
        if kernel.shape.rank == 4 and _own_name(kernel) == "kernel":
            size = int(np.prod(kernel.shape))
            groups = group_count(kernel.shape[-1], size, recipe.clusters or 0, recipe.codebooks)
        names = [name] if groups == 1 else [f"{name}/{group}" for group in range(groups)]
        books = [
            Codebook(each, recipe.clusters or 0, recipe.grid, recipe.penalty, with_zero=phase.pruned)
            for each in names
        ]
        found[name] = Codebooks(kernel, books)
        for book, part in found[name].parts(kernel):
            book.start(part, initialisation, recipe.seed + number)
    return found


def _masks(kernels: dict[str, Any], known: bool) -> dict[str, Any]:
    values = {
        name: tf.cast(kernel != 0, tf.float32) if known else tf.ones_like(kernel) for name, kernel in kernels.items()
    }
    return {name: tf.Variable(value, trainable=False, name=f"{name}/mask") for name, value in values.items()}


def _stripped(network: Any) -> Any:
    if any(hasattr(layer, "pruning_obj") for layer in network.layers):
        return magnitude.strip(network)
    if any(hasattr(layer, "clustering_algorithms") for layer in network.layers):
        return tfmot.strip(network)
    return network


def _carry(source: Any, target: Any) -> None:
    """Gives the target's variables the values of the source's of the same layer, name and shape."""
    values = {(_plain_name(layer), _own_name(v)): v for layer in source.layers for v in layer.weights}
    for layer in target.layers:
        for variable in layer.weights:
            value = values.get((_plain_name(layer), _own_name(variable)))
            if value is not None and value is not variable and value.shape == variable.shape:
                variable.assign(value)


def _plain_name(layer: Any) -> str:
    return next((layer.name[len(p) :] for p in _PREFIXES if layer.name.startswith(p)), layer.name)


def _own_name(variable: Any) -> str:
    return variable.name.split("/")[-1].split(":")[0]
