"""Weights learned on ImageNet, from keras-applications, for the networks that it has too.

Its networks want pictures in [-1, 1], or normalised by means and deviations; ours take [0, 1]. The normalisation
z = a x + b of each colour goes into the first convolution, whose kernel becomes a k, and into the mean of its batch
norm, which becomes m - sum(b k). All is then computed alike but for one thing: beyond the picture's edge theirs see
z = 0, a grey, and ours x = 0, black, which no kernel can make up for. It touches the outermost values of the first
convolution alone (at a stride of 2 on pictures of an even size the last row and column).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfqnoise.backend import keras
from tfqnoise.errors import DataError, UsageError

_layers = keras.layers
_applications = keras.applications


def _of(name: str, **settings: Any) -> Callable[[float], Any]:
    """Returns a function of the width that builds a network of keras-applications with its weights."""
    return lambda width: getattr(_applications, name)(weights="imagenet", classifier_activation=None, **settings)


def _scaled(name: str, **settings: Any) -> Callable[[float], Any]:
    return lambda width: _of(name, alpha=width, **settings)(width)


_SQUARE = {"input_shape": (224, 224, 3)}
# Of each network: its widths, black and white as keras-applications' own takes them, and what builds that.
_BYTES, _SIGNED = (0.0, 255.0), (-1.0, 1.0)
_KNOWN: dict[str, tuple[tuple[float, ...], tuple[float, float], Callable[[float], Any]]] = {
    "mobilenet_v1": ((0.25, 0.5, 0.75, 1.0), _SIGNED, _scaled("MobileNet", **_SQUARE)),
    "mobilenet_v2": ((0.35, 0.5, 0.75, 1.0, 1.3, 1.4), _SIGNED, _scaled("MobileNetV2", **_SQUARE)),
    "mobilenet_v3_small": ((0.75, 1.0), _BYTES, _scaled("MobileNetV3Small", **_SQUARE)),
    "mobilenet_v3_large": ((0.75, 1.0), _BYTES, _scaled("MobileNetV3Large", **_SQUARE)),
    **{f"efficientnet_b{n}": ((1.0,), _BYTES, _of(f"EfficientNetB{n}")) for n in range(5)},
}


def load(network: Any, name: str, width: float, source: Any = None) -> tuple[str, ...]:
    """Puts the weights learned on ImageNet into a network.

    Args:
        network: a plain network with fresh weights; its last layer stays so unless it has 1,000 classes.
        name: of the registered network, such as "mobilenet_v2".
        width: the width that it was built with.
        source: the model of keras-applications to take them from; fetched if None, to Keras' own folder.

    Returns:
        The names of the layers that stay as they are.

    Raises:
        UsageError: for a network, a width or a shape for which there are none.
        DataError: if they can't be fetched.
    """
    widths, (black, white), build = _known(name, width, network)
    source = _fetched(name, width, build) if source is None else source
    theirs = [layer for layer in source.layers if layer.weights and not isinstance(layer, _layers.Normalization)]
    ours = [layer for layer in network.layers if layer.weights]
    fresh = () if _head_fits(theirs[-1], ours[-1]) else (ours[-1].name,)
    pairs = list(zip(theirs, ours, strict=False))[: len(ours) - len(fresh)]
    if len(theirs) != len(ours) or any(_shapes(one) != _shapes(other) for one, other in pairs):
        raise UsageError(
            f"{name} with {len(ours)} layers of weights, which differ from the {len(theirs)} learned on ImageNet",
            f"the network as it is registered, of width {' or '.join(f'{w:g}' for w in widths)}",
            "leave out settings such as its depth, and prune filters afterwards",
        )
    for one, other in pairs:
        _copy(one, other)
    _normalise(source, theirs[0], ours, black, white)
    _gates(network)
    return fresh


def _known(
    name: str, width: float, network: Any
) -> tuple[tuple[float, ...], tuple[float, float], Callable[[float], Any]]:
    if name not in _KNOWN:
        raise UsageError(
            f"weights learned on ImageNet for {name}",
            f"one of {', '.join(_KNOWN)}",
            "choose one of them, or start from a run of your own",
        )
    if width not in _KNOWN[name][0]:
        raise UsageError(
            f"weights learned on ImageNet for {name} of width {width:g}",
            f"a width of {', '.join(f'{w:g}' for w in _KNOWN[name][0])}",
            "choose one of them, or start from a run of your own",
        )
    if network.input_shape[-1] != 3:
        raise UsageError(
            f"weights learned on ImageNet for pictures of {network.input_shape[-1]} channels",
            "colour pictures, of 3 channels",
            "start from fresh weights, or give the pictures three channels",
        )
    return _KNOWN[name]


def _fetched(name: str, width: float, build: Callable[[float], Any]) -> Any:
    try:
        return build(width)
    except Exception as error:  # Keras raises a plain Exception where it can't fetch.
        raise DataError(
            f"the weights of {name} learned on ImageNet can't be had: {str(error).splitlines()[0][:300]}",
            "a connection, or the file in Keras' folder for models (~/.keras/models)",
            "fetch the named file on a machine with a connection and put it there, or start from fresh weights",
        ) from error


def _head_fits(one: Any, other: Any) -> bool:
    return _shapes(one) == _shapes(other)


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    """Returns the shapes of a layer's weights; a dense kernel has that of a 1x1 kernel."""
    shapes = [tuple(v.shape) for v in layer.weights]
    return [(1, 1, *shape) if len(shape) == 2 else shape for shape in shapes]


def _copy(one: Any, other: Any) -> None:
    values = [value.reshape(v.shape) for value, v in zip(one.get_weights(), other.weights, strict=True)]
    if isinstance(other, _layers.BatchNormalization):
        # The same divisor, whatever is added to the variance.
        values[3] = values[3] + (one.epsilon - other.epsilon)
    other.set_weights(values)


def _normalise(source: Any, first: Any, ours: list[Any], black: float, white: float) -> None:
    """Puts the normalisation in front of the source's first convolution into ours and its batch norm."""
    before = keras.Model(source.input, first.input)
    size = [pixels or 32 for pixels in source.input_shape[1:3]]
    # Two pictures of one colour; the middle, since the source may have padded the edges.
    low, high = (
        before(np.full((1, *size, 3), colour, np.float32)).numpy()[0, size[0] // 2, size[1] // 2]
        for colour in (black, white)
    )
    convolution, norm = ours[:2]
    kernel = convolution.get_weights()[0]
    convolution.set_weights([kernel * (high - low)[:, None]])
    norm.moving_mean.assign_sub(np.einsum("hwcf,c->f", kernel, low))


def _gates(network: Any) -> None:
    """Turns gates that were learned as hard sigmoids into ours, ReLU6(x + 3), six times as high."""
    for layer in network.layers:
        gate = layer.name.removesuffix("_gate")
        if gate == layer.name or layer.outbound_nodes[0].outbound_layer.name != f"{layer.name}_relu":
            continue
        layer.bias.assign_add(np.full(layer.bias.shape, 3, np.float32))
        norm = network.get_layer(f"{gate}_project_bn")
        norm.moving_mean.assign(6 * norm.moving_mean)
        norm.moving_variance.assign(36 * (norm.moving_variance + norm.epsilon) - norm.epsilon)
