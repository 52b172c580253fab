"""Conversion of a network to TFLite.

The converter has two ways to treat a quantization-aware network, its default and one for low bit widths. They
write the same scales where every activation carries its own range, as in tfqnoise's networks (a test holds
this); they differ where one doesn't: the default infers a range, the other leaves the tensor float. The
default is taken, and the preflight sees to it that no range is missing.
"""

import warnings
from typing import Any

from tfqnoise.backend import quiet, tf


def integer(network: Any, input_shape: tuple[int, int, int], io: str = "int8") -> bytes:
    """Returns the integer model of a quantization-aware network, batch 1.

    Args:
        network: a network of `tfqnoise.compression.quantization.qat`.
        input_shape: (height, width, channels).
        io: "int8" or "uint8", the type of input and output. With "uint8" a QUANTIZE operator at each end
            moves between the two; nothing is float.
    """
    converter = _converter(network, input_shape)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = converter.inference_output_type = tf.dtypes.as_dtype(io)
    return _convert(converter)


def floating(network: Any, input_shape: tuple[int, int, int]) -> bytes:
    """Returns the float32 model of a plain network, batch 1."""
    return _convert(_converter(network, input_shape))


def _converter(network: Any, input_shape: tuple[int, int, int]) -> Any:
    graph = tf.function(lambda image: network(image, training=False))
    concrete = graph.get_concrete_function(tf.TensorSpec([1, *input_shape], tf.float32, name="image"))
    # The converter saves what it is given to hold the variables. Given the Keras model, it would trace the
    # functions of every layer anew, which takes ten times as long and changes nothing.
    holder = tf.Module()
    holder.held = network.weights
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)


def _convert(converter: Any) -> bytes:
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")
        return converter.convert()
