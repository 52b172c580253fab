"""Post-training quantization: a float network becomes an integer one without being trained for it.

The network takes the same form as in quantization-aware training; instead of epochs it sees a representative set of
pictures, from which the ranges of its activations are measured. So both are compared by one flag, with the same
operators, scales and borders, and the exported file is proven against the quantised network in the same way.
"""

import dataclasses
import hashlib
from typing import Any

import numpy as np

from tfqnoise import assembly
from tfqnoise.backend import tf
from tfqnoise.compression.forms import set_batch_norm_frozen
from tfqnoise.compression.plan import Phase, phases
from tfqnoise.data.dataset import Labelled
from tfqnoise.errors import UsageError
from tfqnoise.limits import OF_PRUNING
from tfqnoise.networks.predict import scale
from tfqnoise.recipe import Recipe

# Ranges are read from so many pictures of a batch, see `tfqnoise.compression.quantization.activations.observed`.
_BATCH = 16


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How a float network is quantised.

    Attributes:
        pictures: training pictures, equally many of each given label; at least 16.
        bits: of the weights.
        quantizer: of the weights, such as "uniform" or "lsq" (whose steps stay as they start).
    """

    pictures: int
    bits: int = 8
    quantizer: str = "uniform"

    def __post_init__(self) -> None:
        if self.pictures < _BATCH:
            raise UsageError(f"--calibrate {self.pictures}", f"at least {_BATCH} pictures", "use --calibrate 512")


def calibrate(
    recipe: Recipe, plain: Any, train: Labelled, calibration: Calibration
) -> tuple[Any, Phase, Recipe, dict[str, Any]]:
    """Quantises a trained float network.

    Args:
        recipe: that it was trained by.
        plain: the network.
        train: what it was trained on.
        calibration: how to quantise.

    Returns:
        The quantised network, the phase and recipe whose form it has, and a record for the report.

    Raises:
        UsageError: for a recipe that compresses otherwise, too.
    """
    usual = Recipe()
    if recipe.sparsity:
        raise UsageError(
            f"--calibrate for a network trained with --sparsity {recipe.sparsity}",
            "a plain float run",
            "train with --bits 8, which keeps its zeros",
        )
    aimed = dataclasses.replace(
        recipe,
        bits=calibration.bits,
        quantizer=calibration.quantizer,
        activation_quantizer=usual.activation_quantizer,
        float_epochs=0,
        stages="",
        **{name: getattr(usual, name) for name in ("pruning_ratio", "pruning_ratios", *OF_PRUNING)},
    )
    network = assembly.compress(aimed, plain).network
    set_batch_norm_frozen(network, True)
    rows = train.representative(calibration.pictures)
    # Shuffled by id, so that no batch is of one class; whole batches, so that each counts the same.
    rows = rows[np.argsort(train.examples.take(rows).keys, kind="stable")]
    rows = rows[: len(rows) // _BATCH * _BATCH]
    for start in range(0, len(rows), _BATCH):
        network(scale(tf.constant(train.examples.images[rows[start : start + _BATCH]])), training=True)
    ids = "\n".join(sorted(train.examples.ids[rows].tolist()))
    record = {
        **dataclasses.asdict(calibration),
        "pictures": len(rows),
        "ids_sha256": hashlib.sha256(ids.encode()).hexdigest(),
    }
    return network, phases(aimed)[-1], aimed, record
