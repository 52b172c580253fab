"""The recipe: one flat, typed record that says everything about a run.

Its fields are the flags of `train`, the content of `recipe.json` and the arguments of `tfqnoise.train`.
A field that names a method takes a name (`gce`) or JSON text with settings (`'{"name": "gce", "q": 0.5}'`);
`tfqnoise list` prints all methods.
"""

import dataclasses
import hashlib
import json
import os
import typing
from collections.abc import Mapping
from typing import Any

from tfqnoise import limits
from tfqnoise.errors import RunError, UsageError, did_you_mean

# The value of `weights` that is no run.
IMAGENET = "imagenet"

# Fields with several values, which are lists in JSON.
_TUPLES = ("allow_float", "penalty_weights", "pruning_ratios")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything about a run. The text under each field is the help of its flag."""

    dataset: str = "digits"
    """Where the pictures come from: `digits` (embedded), `folder:PATH` (one sub-folder a class, or a CSV with
    path,label), `multilabel:FILE` (a CSV with path,label1,label2), `disfa:ROOT` or `bp4d:ROOT` (action units), or a
    TFDS name with or without config (`cifar10`)."""
    data_dir: str | None = None
    """Where TFDS keeps prepared data sets; TFDS's own default if not given."""
    image_size: int | None = None
    """Side in pixels to which pictures are resized. Folders and CSV files take 32 if not given, action units 64;
    TFDS data sets keep their size, and need this where their pictures differ."""
    skip_unreadable: bool = False
    """Leave unreadable picture files out instead of stopping at them."""
    validation: float = 0.1
    """Share of the training pictures held out for validation, chosen by id, as noisy as the rest; of action units
    whole people."""

    labelled: int | None = None
    """Training and validation pictures whose labels are used, chosen by id; all if not given. The others serve
    --rotation-epochs alone."""
    held_out: str = ""
    """Part of the training pictures to leave out, chosen by id, such as 1/4."""
    fold: int = 1
    """Fold of a data set that comes with folds (action units): 1, 2 or 3."""

    noise: float = 0.0
    """Noise rate, from 0 up to but not including 1. What it means is the kind's business."""
    noise_kind: str = "symmetric"
    """How labels become wrong: `symmetric` redraws over all classes, `symmetric-exclusive` always errs, `human` takes
    CIFAR-10N's; see `tfqnoise list noise`."""
    noise_file: str | None = None
    """The file that a kind of noise reads, such as CIFAR-10_human.pt for `human` or a matrix for `matrix`."""
    noise_labels: str | None = None
    """Which labels of --noise-file: `aggregate`, `random1`, `random2`, `random3` or `worst` for `human`."""
    labels: str | None = None
    """Labels to put in the place of the given ones: an audit.csv, or a CSV with id,label."""
    trusted: str | None = None
    """Labels known to be right, for the last stage: so many pictures a class, or a CSV with id,label."""
    label_weights: str = "inverse_rate"
    """Weights of several labels a picture: `inverse_rate` (1/rate, normalised) or `none`."""

    network: str = "resnet8"
    """The network to train, such as `resnet8` or `resnet20`."""
    width: float = 1.0
    """Multiplier of the network's channel counts."""
    weights: str | None = None
    """Weights to start from: a finished run of the same network, or `imagenet` for those that keras-applications has;
    random ones if not given."""

    bits: int = 8
    """Bits per weight: 8, 4, 3, 2 (ternary) or 1 (binary) train with quantization, 32 is plain float."""
    quantizer: str = "uniform"
    """Quantizer of the weights: `uniform` (the largest weight is the top level) or `lsq` (learned step size)."""
    edge_bits: int = 8
    """Bits of the weights of the first and last layer, where --bits is lower."""
    activation_bits: int = 8
    """Bits per activation behind a ReLU, 8 to 2; fewer than 8 are exported as so many levels of int8. Other
    activations keep 8."""
    activation_quantizer: str = "moving_range"
    """Quantizer of the activations: `moving_range`, `lsq` (learned step size) or `pact` (learned clipping)."""
    float_epochs: int = 0
    """Epochs in float before quantization-aware training begins."""
    rotation_epochs: int = 0
    """Epochs of pre-training at the start, without labels: by how many quarters was the picture turned?"""
    trusted_epochs: int = 0
    """Epochs at the end on --trusted labels alone; a twentieth of all if not given."""
    clusters: int | None = None
    """Values that the weights of a kernel may take; as many as the bits allow if not given."""
    clustering: str = "centroids"
    """Who finds these values: `centroids` (trained with the weights, by a penalty) or `tfmot` (TF-MOT's own)."""
    codebooks: int = 1
    """Codebooks a convolution: its output channels are split into as many groups, each with K values of its own; into
    fewer where a group would not have more than K weights."""
    penalty: str = "hard"
    """What draws weights to centroids: `hard`, `soft` or `gaussian_mixture`."""
    penalty_weight: float = 0.1
    """Strength of the penalty at the end of its stage: in a step of SGD a weight goes about (learning rate x this) of
    its way to its centroid, with momentum ten times that."""
    penalty_weights: tuple[str, ...] = ()
    """Other strengths for some layers, such as stem=0.02 stage3*=0.2; the first pattern that fits a layer counts."""
    penalty_schedule: str = "cubic"
    """How the strength goes through the stage: climbs from zero as t^3 (`cubic`: weights learn first, and gather
    late), `linear` or `cosine`, or is `constant`."""
    initialisation: str = "kmeans_plus_plus"
    """First centroids: `kmeans_plus_plus`, `linear` or `density`."""
    grid: str = "free"
    """Where centroids lie: `free`, or `uniform` (a trained step x integers, which packs into 4 or 2 bits)."""
    sparsity: float = 0.0
    """Share of each kernel's weights that are pruned to zero, the smallest ones."""
    pruning_ratio: float = 0.0
    """Share of the filters of each convolution and hidden dense layer to remove, which makes the network smaller."""
    pruning_ratios: tuple[str, ...] = ()
    """Other shares for some layers, such as stem=0 stage3*=0.7; the first pattern that fits a layer counts."""
    pruning_scope: str = "layer"
    """What --pruning-ratio is a share of: of each `layer`, or `global`, of all filters, ranked together."""
    pruning_steps: int = 1
    """In how many steps filters are removed, with training between."""
    criterion: str = "weight_sum"
    """Which filters go: `weight_sum`, `apoz`, `thinet`, `batch_norm_scale` or `random`."""
    stages: str = ""
    """Which stage follows which, such as float:5,prune:5,cluster:5,quantise:5@0.01: names (of rotnet, float, train,
    shrink, prune, cluster, quantise, snap, trusted) joined by +, epochs, and a learning rate from which it falls to
    zero. They follow from the other flags if not given."""
    allow_float: tuple[str, ...] = ()
    """Names of layers that may stay float; any other layer left float is an error."""
    freeze_batch_norm: float = 0.1
    """Share of the epochs, at the end, in which batch-norm statistics are frozen."""

    loss: str = "cross_entropy"
    """The loss, such as `cross_entropy` (of each label apart where a picture has several) or `gce`."""
    strategy: str = "plain"
    """What goes beyond a stateless loss, such as `plain` (nothing), `elr` or `pencil`."""
    teacher: str | None = None
    """A finished run whose network teaches, for --strategy distillation, or measures, for difficulty."""
    augmentation: str = "standard"
    """Changes to training pictures: `standard` (shift, and flip where the data allow), with `cutout` or
    `rand_augment` on top of it, or `none`."""
    magnitude_schedule: str = "constant"
    """How the magnitude of the augmentation follows the network's size as it is pruned, or without pruning the
    epochs: `constant`, `falling` or `rising`; `learned` follows over-fitting."""

    epochs: int = 30
    """Passes over the training pictures."""
    steps_per_epoch: int | None = None
    """Batches an epoch; all of them if not given. Meant for tries."""
    batch_size: int = 128
    """Pictures a batch, of all --replicas together."""
    replicas: int = 1
    """Devices of this machine to train on (tf.distribute): the first GPUs, or where there are fewer, as many logical
    devices of the processor. Each learns its share of every batch, from pictures and tables of its own; what a
    strategy selects or mixes within a batch, it does within such a share."""
    optimizer: str = "sgd"
    """`sgd` (Nesterov momentum 0.9), `adam` (without decay) or `adamw`; Adam wants a rate like 0.001."""
    learning_rate: float = 0.1
    """Peak learning rate; it falls to zero along a cosine."""
    warmup_epochs: float = 1.0
    """Epochs in which the learning rate climbs linearly from zero; half of all epochs at most."""
    weight_decay: float = 1e-3
    """Decoupled decay of kernels: w -= learning rate x decay x w, each step. Never of batch-norm or quantizers."""
    clip_norm: float | None = None
    """Largest global norm of the gradient; no clipping if not given."""
    weight_average: float = 0.0
    """Momentum of an exponential average of the weights, evaluated and exported in their place, with the
    batch-norm statistics and ranges of the weights themselves; 0 is off."""
    precision: str = "float32"
    """Arithmetic of convolutions while training: `float32`, or `bfloat16` on processors that have it."""
    seed: int = 0
    """Seed of initial weights, order, augmentation and noise."""

    def __post_init__(self) -> None:
        for name in _TUPLES:
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, hint in typing.get_type_hints(Recipe).items():
            _check_type(name, getattr(self, name), hint)
        for name, valid, expected in limits.of(self):
            if not valid:
                raise UsageError(f"--{name.replace('_', '-')} {_shown(getattr(self, name))}", expected, _remedy(name))

    def to_dict(self) -> dict[str, Any]:
        """Returns the recipe as plain data, as `recipe.json` holds it."""
        return {**dataclasses.asdict(self), **{name: list(getattr(self, name)) for name in _TUPLES}}

    def layer_penalty_weights(self) -> list[tuple[str, float]]:
        """Returns `penalty_weights` as pairs of a pattern of layer names and a weight."""
        return [pair for text in self.penalty_weights if (pair := limits.layer_number(text)) is not None]

    def layer_pruning_ratios(self) -> list[tuple[str, float]]:
        """Returns `pruning_ratios` as pairs of a pattern of layer names and a share."""
        return [pair for text in self.pruning_ratios if (pair := limits.layer_number(text)) is not None]

    @property
    def shrinks(self) -> bool:
        """Whether filters are removed."""
        return bool(self.pruning_ratio or self.pruning_ratios)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "") -> "Recipe":
        """Returns the recipe that `to_dict` wrote.

        Args:
            values: its fields.
            source: what they come from, for messages.

        Raises:
            UsageError: for a field that no recipe has, or a value out of its limits.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise UsageError(
                    f"unknown recipe field '{name}'" + (f" in {source}" if source else ""),
                    "a field of this version's recipes",
                    f"use the version of tfqnoise that wrote it, or mend the field: {did_you_mean(name, known)}",
                )
        return cls(**values)

    @classmethod
    def load(cls, path: Any) -> "Recipe":
        """Reads a recipe from a JSON file, or that of a run from its directory.

        Raises:
            RunError: if the file can't be read or is not a recipe.
        """
        if os.path.isdir(path):
            path = os.path.join(path, "recipe.json")
        try:
            with open(path, encoding="utf-8") as file:
                values = json.load(file)
            if not isinstance(values, dict):
                raise ValueError("its content is not an object")
        except (OSError, ValueError) as error:
            raise RunError(
                f"recipe file {path} can't be read: {error}",
                "a JSON file with recipe fields, such as the recipe.json of a run",
                "check the path, or start again from the flags of train --help",
            ) from error
        return cls.from_dict(values, str(path))

    def hash(self) -> str:
        """Returns the first 12 hexadecimal digits of the SHA-256 of the fields that differ from their defaults.

        A field that a later version adds thus changes no hash. `data_dir` doesn't count: where the data lie on a
        machine changes nothing about the run.
        """
        usual = {**Recipe().to_dict(), "data_dir": self.data_dir}
        text = json.dumps({name: v for name, v in self.to_dict().items() if v != usual[name]}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _remedy(name: str) -> str:
    return f"give --{name.replace('_', '-')} a value inside these limits"


def _check_type(name: str, value: Any, hint: Any) -> None:
    options = typing.get_args(hint) if typing.get_origin(hint) is not tuple else ()
    kinds = tuple(k for k in (options or (hint,)) if isinstance(k, type)) or (tuple,)
    if float in kinds:
        kinds += (int,)
    if isinstance(value, tuple) and not all(isinstance(each, str) for each in value):
        raise UsageError(f"--{name.replace('_', '-')} {value!r}", "words", _remedy(name))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        expected = " or ".join("nothing" if k is type(None) else k.__name__ for k in kinds)
        raise UsageError(f"--{name.replace('_', '-')} {value!r}", expected, _remedy(name))
