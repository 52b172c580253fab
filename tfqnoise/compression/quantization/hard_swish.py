"""Hard-swish in a graph of stock layers: x ReLU6(x + 3) / 6, which the converter makes one operator of."""

from typing import Any

from tfqnoise.backend import keras

_layers = keras.layers


def parts(network: Any) -> dict[str, str]:
    """Returns the layers within hard-swishes, each with the name of the product that ends its own.

    What lies between x and the product is never seen on the device and gets no range of its own.

    Args:
        network: a flat functional model, before quantization wraps its layers.
    """
    found = {}
    for layer in network.layers:
        for name in _within(layer):
            found[name] = layer.name
    return found


def _within(product: Any) -> tuple[str, ...]:
    """Returns the names of shift, ReLU6 and sixth in front of a product; none if it ends no hard-swish."""
    if not isinstance(product, _layers.Multiply):
        return ()
    before = product.inbound_nodes[0].inbound_layers
    for x, sixth in (before, before[::-1]) if isinstance(before, list) and len(before) == 2 else ():
        relu = _before(sixth)
        shift = _before(relu)
        if (
            _rescales(sixth, 1 / 6, 0.0)
            and isinstance(relu, _layers.ReLU)
            and (relu.max_value, relu.negative_slope, relu.threshold) == (6.0, 0.0, 0.0)
            and _rescales(shift, 1.0, 3.0)
            and _before(shift) is x
            and all(len(layer.outbound_nodes) == 1 for layer in (shift, relu, sixth))
        ):
            return shift.name, relu.name, sixth.name
    return ()


def _before(layer: Any) -> Any:
    nodes = getattr(layer, "inbound_nodes", None)
    return nodes[0].inbound_layers if nodes else None


def _rescales(layer: Any, scale: float, offset: float) -> bool:
    return isinstance(layer, _layers.Rescaling) and (layer.scale, layer.offset) == (scale, offset)
