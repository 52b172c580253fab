"""Hard-swish in a graph of stock layers: x ReLU6(x + 3) / 6, which the converter makes one operator of.

LiteRT computes that operator in steps of 16 bits, which turn some 0.4 % of the codes into a neighbour of the nearest.
A network of dozens of hard-swishes answers differently for it. Which codes these are depends on the scales alone;
`kernel` says which, so that `tfqnoise.compression.quantization.settle` can choose scales that have none.
"""

import math
from typing import Any

import numpy as np

from tfqnoise.backend import keras

_layers = keras.layers


def found(network: Any) -> list[tuple[Any, Any, tuple[str, ...]]]:
    """Returns the hard-swishes of a network: the layers of the product and of x, and the names of those between.

    What lies between is never seen on the device and gets no range of its own.

    Args:
        network: a flat functional model, plain or quantised.
    """
    return [each for layer in network.layers if (each := _ended_by(layer)) is not None]


def parts(network: Any) -> dict[str, str]:
    """Returns the layers between x and the product of each hard-swish, by name, with the name of the product."""
    return {name: product.name for product, _, names in found(network) for name in names}


def kernel(codes: np.ndarray, source: tuple[float, int], result: tuple[float, int]) -> np.ndarray:
    """Returns the int8 codes that LiteRT's kernels give, all alike; in their steps and with their rounding.

    Args:
        codes: of the input, integers of int8's range.
        source: scale and zero point of the input.
        result: those of the output.
    """
    fine = (codes.astype(np.int64) - source[1]) << 7
    unit = source[0] / 128
    multiplier, exponent = _fixed_point(unit / result[0])
    value = _product(fine, multiplier, rounded=True)
    relu, shift = _fixed_point(unit / (3 / 2**15))
    gate = _saturated(fine << (shift - 1)) if shift > 0 else fine
    gate = _product(gate, relu, rounded=True)
    gate = _saturated(gate << 1) if shift > 0 else _shifted(gate, -shift)
    # From [-1, 1] to [0, 1], saturated: ReLU6(x + 3) / 6.
    product = _product((gate + 2**15) >> 1, value, rounded=False)
    return np.clip(_shifted(product, -exponent) + result[1], -128, 127)


def _fixed_point(factor: float) -> tuple[int, int]:
    """Returns m and e of factor = m 2^(e - 15), m of 16 bits, rounded by way of 32 bits."""
    mantissa, exponent = math.frexp(factor)
    wide = round(mantissa * 2**31)
    if wide == 2**31:
        wide, exponent = wide // 2, exponent + 1
    return min((wide + 2**15) >> 16, 2**15 - 1), exponent


def _saturated(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -(2**15), 2**15 - 1)


def _product(one: np.ndarray, other: Any, *, rounded: bool) -> np.ndarray:
    """Returns the high halves of doubled products; what is not rounded is cut off towards zero."""
    wide = one * other
    if rounded:
        wide = wide + np.where(wide >= 0, 2**14, 1 - 2**14)
    return _saturated(np.sign(wide) * (np.abs(wide) >> 15))


def _shifted(values: np.ndarray, bits: int) -> np.ndarray:
    """Returns values / 2^bits, halves rounded away from zero; for bits below 0 the product."""
    if bits <= 0:
        return values << -bits
    mask = 2**bits - 1
    return (values >> bits) + ((values & mask) > (mask >> 1) + (values < 0))


def _ended_by(product: Any) -> tuple[Any, Any, tuple[str, ...]] | None:
    """Returns the hard-swish that ends in a product."""
    if not isinstance(_own(product), _layers.Multiply):
        return None
    before = product.inbound_nodes[0].inbound_layers
    for x, sixth in (before, before[::-1]) if isinstance(before, list) and len(before) == 2 else ():
        relu = _before(sixth)
        shift = _before(relu)
        if (
            _rescales(sixth, 1 / 6, 0.0)
            and _is_relu6(relu)
            and _rescales(shift, 1.0, 3.0)
            and _before(shift) is x
            and all(len(layer.outbound_nodes) == 1 for layer in (shift, relu, sixth))
        ):
            return product, x, (shift.name, relu.name, sixth.name)
    return None


def _own(layer: Any) -> Any:
    """Returns a layer without the wrapper that quantises it."""
    return getattr(layer, "layer", layer)


def _before(layer: Any) -> Any:
    nodes = getattr(layer, "inbound_nodes", None)
    return nodes[0].inbound_layers if nodes else None


def _is_relu6(layer: Any) -> bool:
    own = _own(layer)
    return isinstance(own, _layers.ReLU) and (own.max_value, own.negative_slope, own.threshold) == (6.0, 0.0, 0.0)


def _rescales(layer: Any, scale: float, offset: float) -> bool:
    own = _own(layer)
    return isinstance(own, _layers.Rescaling) and (own.scale, own.offset) == (scale, offset)
