"""Keeping training off kernels that can't be trusted."""

import functools
from typing import Any

from tfqnoise.backend import keras, tf

# oneDNN packs 8 channels (AVX2) or 16 (AVX-512) into a block.
_BLOCK = 16


def trusted(network: Any) -> None:
    """Makes a network's strided 1x1 convolutions on few channels subsample first, then convolve densely.

    With fewer input channels than a block, oneDNN's weight gradient of a strided 1x1 convolution writes past its
    work space and is then wrong, now and then and by any amount (oneDNN issue 6035). Convolving x[:, ::s, ::s]
    with stride 1 is the same function. The layers' form, and so the exported model, stay as they are: a network
    that is built anew doesn't know of this.

    Args:
        network: a plain or quantised network; its layers are changed in place.
    """
    for layer in network.layers:
        convolution = getattr(layer, "layer", layer)
        if type(convolution) is keras.layers.Conv2D and _faulty(convolution):
            convolution.convolution_op = functools.partial(_subsampled, convolution)


def _faulty(convolution: Any) -> bool:
    strided = max(convolution.strides) > 1 and convolution.kernel_size == (1, 1)
    return strided and convolution.kernel.shape[2] < _BLOCK


def _subsampled(convolution: Any, inputs: Any, kernel: Any) -> Any:
    rows, columns = convolution.strides
    return tf.nn.conv2d(inputs[:, ::rows, ::columns], kernel, strides=1, padding="VALID")
