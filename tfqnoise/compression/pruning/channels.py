"""Which channels of a network belong together, so that filters can be removed from it.

A filter makes a channel. Where channels are added, multiplied or pass through a depthwise convolution, those of
several layers are one and the same: a *unit*, which can only be removed from all of them at once.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from tfqnoise.backend import keras, tf

_layers = keras.layers
_SAME = (
    _layers.BatchNormalization,
    _layers.ReLU,
    _layers.LeakyReLU,
    _layers.ELU,
    _layers.PReLU,
    _layers.Activation,
    _layers.Dropout,
    _layers.SpatialDropout2D,
    _layers.GaussianNoise,
    _layers.MaxPooling2D,
    _layers.AveragePooling2D,
    _layers.GlobalMaxPooling2D,
    _layers.GlobalAveragePooling2D,
    _layers.ZeroPadding2D,
    _layers.Cropping2D,
    _layers.UpSampling2D,
    _layers.Rescaling,
)
_JOINED = (
    _layers.Add,
    _layers.Subtract,
    _layers.Multiply,
    _layers.Average,
    _layers.Maximum,
    _layers.Minimum,
)
_OF_KERAS = (
    *("linear", "relu", "elu", "selu", "gelu", "swish", "mish", "sigmoid", "hard_sigmoid", "tanh", "softplus"),
    *("softsign", "exponential"),
)
_OF_TENSORFLOW = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "softplus", "softsign"),
)
# Functions of one value. Others, such as softmax, may need all channels of a place.
_ALONE = (
    *(getattr(keras.activations, name) for name in _OF_KERAS),
    *(getattr(tf.nn, name) for name in _OF_TENSORFLOW),
)


@dataclasses.dataclass(frozen=True)
class Group:
    """Units that the same layers make, in the order of the first one's filters.

    Attributes:
        name: of the first layer.
        layers: those whose filters are these units.
        units: int64 [N].
    """

    name: str
    layers: tuple[str, ...]
    units: np.ndarray


@dataclasses.dataclass(frozen=True)
class Channels:
    """The units of every channel of a network.

    Attributes:
        inputs: by layer, int64 [channels it takes]; of a layer that takes several tensors, of the first.
        outputs: by layer, int64 [channels it gives].
        groups: the units that may be removed; not those of the picture, of the logits, or of what a layer takes
            whose meaning isn't known here.
    """

    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    groups: tuple[Group, ...]

    def consumers(self, units: np.ndarray, network: Any) -> list[Any]:
        """Returns the layers that mix channels and take some of these units."""
        return [
            layer
            for layer in network.layers
            if makes_channels(layer) and np.isin(self.inputs[layer.name], units).any()
        ]


def makes_channels(layer: Any) -> bool:
    """Says whether each channel that a layer gives is made by a filter of its own, from all that it takes."""
    if isinstance(layer, _layers.DepthwiseConv2D) or not _channels_last(layer):
        return False
    if isinstance(layer, _layers.Conv2D) and not isinstance(layer, _layers.Conv2DTranspose):
        return bool(layer.groups == 1)
    return isinstance(layer, _layers.Dense)


def trace(network: Any) -> Channels:
    """Returns which channels of a flat functional network belong together.

    Args:
        network: legacy Keras model; channels are last.
    """
    return _Trace(network).result()


def uses(network: Any, layer: Any) -> list[Any]:
    """Returns the places in a network at which a layer stands, as Keras' nodes: several of one that is shared."""
    own = {id(node) for nodes in network._nodes_by_depth.values() for node in nodes}
    return [node for node in layer.inbound_nodes if id(node) in own]


class _Trace:
    def __init__(self, network: Any) -> None:
        self._network = network
        # The unit that stands for each, by union-find; 0 is the one that may not be removed.
        self._parents = [0]
        self._made: dict[str, np.ndarray] = {}
        self._outputs: dict[tuple[str, int, int], np.ndarray] = {}
        # Of each layer, of the first tensor that it gives.
        self._first: dict[str, np.ndarray] = {}
        self._inputs: dict[str, list[np.ndarray]] = {}
        # A shared layer may stand behind layers that come after it in `network.layers`.
        place = {id(layer): number for number, layer in enumerate(network.layers)}
        for depth in sorted(network._nodes_by_depth, reverse=True):
            for node in sorted(network._nodes_by_depth[depth], key=lambda node: place[id(node.layer)]):
                self._visit(node.layer, node)

    def result(self) -> Channels:
        for tensor in self._network.outputs:
            self._join([self._outputs[_origin(tensor)], np.zeros(1, np.int64)])
        inputs = {name: self._roots(found[0]) for name, found in self._inputs.items() if found}
        outputs = {name: self._roots(found) for name, found in self._first.items()}
        return Channels(inputs, outputs, tuple(self._groups()))

    def _visit(self, layer: Any, node: Any) -> None:
        # Operators such as a + b take tensors in other places than the first, too.
        tensors = [] if node.is_input else node.keras_inputs
        taken = [self._outputs[_origin(tensor)] for tensor in tensors]
        before = self._inputs.setdefault(layer.name, [])
        # A layer that is used twice has the same channels each time.
        for position, units in enumerate(taken):
            if position < len(before):
                self._alike(before[position], units)
            else:
                before.append(units)
        tensors = tf.nest.flatten(node.outputs)
        for tensor in tensors:
            given = (
                self._given(layer, taken, tuple(tensor.shape))
                if len(tensors) == 1
                else self._stay(taken, tensor.shape)
            )
            self._outputs[_origin(tensor)] = given
            self._alike(self._first.setdefault(layer.name, given), given)

    def _given(self, layer: Any, taken: list[np.ndarray], shape: tuple[int | None, ...]) -> np.ndarray:
        """Returns the units of what a layer gives out."""
        size = shape[-1] if shape else None
        if size is None or not taken or not _channels_last(layer):
            return self._stay(taken, shape)
        if makes_channels(layer):
            if layer.name not in self._made:
                self._made[layer.name] = self._new(size)
            made = self._made[layer.name]
            return made if layer.activation in _ALONE else self._stay([made], shape)
        if isinstance(layer, _layers.DepthwiseConv2D) and layer.activation in _ALONE:
            return np.repeat(taken[0], layer.depth_multiplier)
        if isinstance(layer, _layers.Flatten | _layers.Reshape) and size % len(taken[0]) == 0:
            return np.tile(taken[0], size // len(taken[0]))
        if isinstance(layer, _layers.Concatenate) and layer.axis in (-1, len(shape) - 1):
            return np.concatenate(taken)
        if isinstance(layer, _JOINED) and all(len(units) == size for units in taken):
            return self._join(taken)
        if isinstance(layer, _SAME) and _own_channel(layer, len(shape)):
            return taken[0]
        # What a layer does that isn't known here may need every channel that it takes.
        return self._stay(taken, shape)

    def _stay(self, taken: list[np.ndarray], shape: Any) -> np.ndarray:
        """Keeps what a layer takes, and returns the units of what it gives, which may not be removed either."""
        for units in taken:
            self._join([units, np.zeros(1, np.int64)])
        return np.zeros((shape[-1] if len(shape) else None) or 1, np.int64)

    def _alike(self, one: np.ndarray, other: np.ndarray) -> None:
        if len(one) == len(other):
            self._join([one, other])
        else:
            self._stay([one, other], ())

    def _new(self, size: int) -> np.ndarray:
        start = len(self._parents)
        self._parents += range(start, start + size)
        return np.arange(start, start + size)

    def _root(self, unit: int) -> int:
        while self._parents[unit] != unit:
            self._parents[unit] = self._parents[self._parents[unit]]
            unit = self._parents[unit]
        return unit

    def _roots(self, units: np.ndarray) -> np.ndarray:
        return np.array([self._root(int(unit)) for unit in units], np.int64)

    def _join(self, several: Iterable[np.ndarray]) -> np.ndarray:
        """Makes one of the units at the same place, the first ones named staying; one unit alone joins all."""
        several = list(several)
        for units in several[1:]:
            for a, b in np.broadcast(several[0], units):
                low, high = sorted((self._root(int(a)), self._root(int(b))))
                self._parents[high] = low
        return several[0]

    def _groups(self) -> Iterable[Group]:
        """Yields the units in groups: those of layers that have one in common."""
        left = {name: self._roots(units) for name, units in self._made.items()}
        while left:
            name, units = next(iter(left.items()))
            members = {name: left.pop(name)}
            while joined := [n for n, each in left.items() if (np.isin(each, units) & (each > 0)).any()]:
                for other in joined:
                    members[other] = left.pop(other)
                    units = np.concatenate([units, members[other]])
            units = units[np.sort(np.unique(units, return_index=True)[1])]
            if (units > 0).any():
                yield Group(name, tuple(members), units[units > 0])


def _own_channel(layer: Any, rank: int) -> bool:
    """Says whether each channel is changed by itself alone, all in the same way but for weights of its own."""
    if isinstance(layer, _layers.Activation):
        return layer.activation in _ALONE
    if isinstance(layer, _layers.BatchNormalization):
        return list(layer.axis) == [rank - 1]
    return not isinstance(layer, _layers.Rescaling) or np.ndim(layer.scale) == np.ndim(layer.offset) == 0


def _channels_last(layer: Any) -> bool:
    return bool(getattr(layer, "data_format", "channels_last") != "channels_first")


def _origin(tensor: Any) -> tuple[str, int, int]:
    history = tensor._keras_history
    return history.layer.name, history.node_index, history.tensor_index
