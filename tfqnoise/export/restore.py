"""From a run directory back to the network that it trained, and the pictures to prove it on."""

import dataclasses
from typing import Any

from tfqnoise import assembly
from tfqnoise.compression import forms
from tfqnoise.compression.forms import Form
from tfqnoise.compression.plan import Phase
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.data import dataset as data
from tfqnoise.data.source import Examples
from tfqnoise.errors import UsageError
from tfqnoise.export.calibrate import Calibration, calibrate
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run


@dataclasses.dataclass(frozen=True)
class Restored:
    """A trained network.

    Attributes:
        network: as it was evaluated last.
        phase: that it was trained in last; says whether it is quantised.
        plain: a plain network of the same form, whose weights `float_network` fills in.
        epoch: the epochs it was trained for.
        class_names: in the order of the outputs.
        input_shape: (height, width, channels) of a picture.
        test: the test pictures.
        recipe: whose form the network has: the run's, or with a calibration that with its bits.
        task: "single" or "multi", see `tfqnoise.data.source.Source`.
        calibration: how it was quantised after training; empty where it was trained quantised.
    """

    network: Any
    phase: Phase
    plain: Any
    epoch: int
    class_names: tuple[str, ...]
    input_shape: tuple[int, int, int]
    test: Examples
    recipe: Recipe
    task: str = "single"
    calibration: dict[str, Any] = dataclasses.field(default_factory=dict)

    def float_network(self) -> Any:
        """Returns the plain network with the trained weights and no quantization."""
        if self.phase.quantised:
            forms.take_over(Form(self.network), self.plain)
        return self.plain


def restore(run: Run, storage: str = "narrowest", calibration: Calibration | None = None) -> Restored:
    """Rebuilds a run's network and loads its data set.

    Args:
        run: the run.
        storage: of the weights that it is to be exported with, see `settle`.
        calibration: how to quantise it, if it was trained in float.

    Raises:
        RunError: if the run has not finished an epoch, or a file is damaged.
        UsageError: for a network in float without a calibration, or one that is quantised with one.
    """
    run.read_arrays("weights.npz")
    dataset = data.load(run.recipe)
    found = assembly.restored(run, dataset.input_shape, dataset.classes)
    _check_quantised(run, found.phase.quantised, calibration)
    network, phase, recipe = found.network, found.phase, run.recipe
    record: dict[str, Any] = {}
    if calibration is not None:
        network, phase, recipe, record = calibrate(recipe, network, dataset.train, calibration)
    settle(network, storage)
    return Restored(
        network,
        phase,
        found.plain,
        found.epoch,
        dataset.source.class_names,
        dataset.input_shape,
        dataset.test,
        recipe,
        dataset.source.task,
        record,
    )


def _check_quantised(run: Run, quantised: bool, calibration: Calibration | None) -> None:
    if quantised and calibration is not None:
        raise UsageError(
            f"--calibrate for {run.path}, which was trained with {run.recipe.bits} bits",
            "a run trained in float (--bits 32)",
            "leave --calibrate out",
        )
    if not quantised and calibration is None:
        raise UsageError(
            f"{run.path} is float: --bits {run.recipe.bits}, --float-epochs {run.recipe.float_epochs}",
            "a run in its quantised epochs, whose ranges the integer model takes over",
            "train with --bits 8, go on with --resume if its float epochs are not over, or quantise it later with "
            "--calibrate 512",
        )
