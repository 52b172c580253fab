"""From a run directory back to the network that it trained, and the pictures to prove it on."""

import dataclasses
from typing import Any

from tfqnoise import assembly
from tfqnoise.compression.plan import Phase
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.data import dataset as data
from tfqnoise.data.source import Examples
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
        task: "single" or "multi", see `tfqnoise.data.source.Source`.
    """

    network: Any
    phase: Phase
    plain: Any
    epoch: int
    class_names: tuple[str, ...]
    input_shape: tuple[int, int, int]
    test: Examples
    task: str = "single"

    def float_network(self) -> Any:
        """Returns the plain network with the trained weights and no quantization."""
        if self.phase.quantised:
            for layer in self.plain.layers:
                trained = self.network.get_layer(f"quant_{layer.name}") if layer.weights else None
                if trained is not None:
                    _take(layer, trained)
        return self.plain


def restore(run: Run, storage: str = "narrowest") -> Restored:
    """Rebuilds a run's network and loads its data set.

    Args:
        run: the run.
        storage: of the weights that it is to be exported with, see `settle`.

    Raises:
        RunError: if the run has not finished an epoch, or a file is damaged.
    """
    run.read_arrays("weights.npz")
    dataset = data.load(run.recipe)
    found = assembly.restored(run, dataset.input_shape, dataset.classes)
    settle(found.network, storage)
    return Restored(
        found.network,
        found.phase,
        found.plain,
        found.epoch,
        dataset.source.class_names,
        dataset.input_shape,
        dataset.test,
        dataset.source.task,
    )


def _take(layer: Any, wrapper: Any) -> None:
    """Copies the trained weights of a wrapper's layer, by name, into the plain layer."""
    trained = {variable.name.split("/")[-1]: variable for variable in wrapper.weights}
    for variable in layer.weights:
        variable.assign(trained[variable.name.split("/")[-1]])
