"""What a network costs: parameters and multiply-accumulates."""

import math
from typing import Any

from tfqnoise.backend import keras


def parameters(network: Any) -> int:
    """Returns the number of weights, batch-norm statistics included, as Keras counts them."""
    return int(network.count_params())


def macs(network: Any) -> int:
    """Returns the multiply-accumulates of one picture: those of convolutions and dense layers.

    A convolution costs (output positions) x (kernel area) x (input channels / groups) x filters; a depthwise
    one (output positions) x (kernel area) x (output channels); a dense layer inputs x outputs.

    Args:
        network: a plain functional model, before quantization wraps its layers.
    """
    return sum(_layer_macs(layer) for layer in network.layers)


def _layer_macs(layer: Any) -> int:
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return math.prod(layer.output_shape[1:]) * math.prod(layer.kernel_size)
    if isinstance(layer, keras.layers.Conv2D):
        return math.prod(layer.output_shape[1:]) * math.prod(layer.kernel.shape[:3])
    if isinstance(layer, keras.layers.Dense):
        return math.prod(layer.kernel.shape) * math.prod(layer.output_shape[1:-1])
    return 0
