"""Does each layer of the exported model, by itself, compute what the trained network's does?

A network of many layers may answer otherwise than its file although no layer is at fault. Keras adds up in floating
point, and of a hundred thousand values one lies so near the middle between two steps that it falls to the other side;
a layer of narrow outputs, such as the projection of an inverted residual, makes two of each such value, and the next
one four. So that the layers are told apart, each is given here the integers that the file's own layers before it
gave, and its answer is compared with the file's: what is left is the difference that it makes itself.
"""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.compression.pruning.channels import uses
from tfqnoise.export.inspect import with_all_outputs
from tfqnoise.export.interpreter import Interpreter
from tfqnoise.export.restore import Restored
from tfqnoise.networks.predict import scale

# Single steps come from middles between two: of convolutions in less than 0.1 per mille of the values, of means over
# few values in up to 1.3 % (networks of random weights). A bias a tenth of a step off would make them in a tenth.
_MOST_DIFFERING = 0.05
_PICTURES = 20


@dataclasses.dataclass(frozen=True)
class LayerParity:
    """A layer of the file against that of the trained network, given the same integers.

    Attributes:
        layer: its name.
        values: how many were compared.
        differing: how many of them are not the same integer.
        most_steps: the largest difference, in steps of the layer's scale.
    """

    layer: str
    values: int
    differing: int
    most_steps: int

    @property
    def faithful(self) -> bool:
        """Whether it differs by no more than single steps, in no more than 5 % of its values."""
        return self.most_steps <= 1 and self.differing <= _MOST_DIFFERING * self.values

    def __str__(self) -> str:
        share = self.differing / self.values
        return f"{self.layer}: {share:.1%} of its values are off, by at most {self.most_steps} steps"


def compare_layers(content: bytes, restored: Restored, examples: int = _PICTURES) -> list[LayerParity]:
    """Compares each layer whose integers the file holds; the converter fuses others into these.

    Args:
        content: the integer model.
        restored: the trained network and the test pictures.
        examples: pictures, spread evenly over the test set.

    Returns:
        The layers in the file's order.
    """
    images = restored.test.spread(examples).images
    found = _integers(content, images, restored.network)
    network = _Fed(restored.network, images, {name: real(codes, details) for name, (codes, details) in found.items()})
    rows = []
    for name, (codes, details) in found.items():
        off = np.abs(codes - steps(network.layer(name).numpy(), details))
        rows.append(LayerParity(name.removeprefix("quant_"), off.size, int(np.count_nonzero(off)), int(off.max())))
    return rows


def steps(values: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    """Returns real values as integers of a tensor's scale and zero point, as far out as they may lie."""
    step, zero = details["quantization"]
    return np.round(values / step).astype(np.int64) + zero


def real(codes: np.ndarray, details: dict[str, Any]) -> np.ndarray:
    """Returns the real values of a tensor's integers; the inverse of `steps`."""
    step, zero = details["quantization"]
    return ((codes - zero) * np.float64(step)).astype(np.float32)


class _Fed:
    """A network each of whose layers is given the file's values of the layers before it."""

    def __init__(self, network: Any, images: np.ndarray, values: dict[str, np.ndarray]) -> None:
        self._network, self._layers = network, {layer.name: layer for layer in network.layers}
        self._input = scale(tf.constant(images))
        self._values = values

    def layer(self, name: str) -> Any:
        """Returns what a layer gives; layers before it that the file doesn't hold are run on the way."""
        layer = self._layers[name]
        # A layer that stays float stands in the network that was quantised, too.
        before = uses(self._network, layer)[0].inbound_layers
        if not before:
            return self._input
        given = [self._given(source.name) for source in (before if isinstance(before, list) else [before])]
        return layer(given if isinstance(before, list) else given[0], training=False)

    def _given(self, name: str) -> Any:
        return tf.constant(self._values[name]) if name in self._values else self.layer(name)


def _integers(content: bytes, images: np.ndarray, network: Any) -> dict[str, tuple[np.ndarray, dict[str, Any]]]:
    """Returns the file's integers for all pictures, and the tensor's scale, by layer."""
    interpreter = Interpreter(with_all_outputs(content))
    shapes = {layer.name: tuple(uses(network, layer)[0].outputs.shape[1:]) for layer in network.layers}
    places = {
        name: place
        for place, details in enumerate(interpreter.outputs)
        # Within a layer that stays float there may be integers of another shape, which aren't what it gives.
        if (name := _layer_of(details["name"], list(shapes))) is not None and shapes[name] == (*details["shape"][1:],)
    }
    seen: dict[str, list[np.ndarray]] = {name: [] for name in places}
    for picture in interpreter.prepare(images):
        interpreter.set_input(picture[None])
        interpreter.invoke()
        for name, place in places.items():
            seen[name].append(interpreter.output(place)[0].astype(np.int64))
    return {name: (np.stack(seen[name]), interpreter.outputs[place]) for name, place in places.items()}


def _layer_of(tensor: str, layers: list[str]) -> str | None:
    """Returns the layer whose output a tensor is: the converter joins the names of all layers that it fused, and
    of these the last in the network gives the output."""
    names = set(tensor.replace(";", "/").split("/"))
    return next((layer for layer in reversed(layers) if layer in names), None)
