"""What MobileNets and EfficientNets are built of; a layer's name begins with that of its place in the network."""

from collections.abc import Callable
from typing import Any

from tfqnoise.backend import keras

_layers = keras.layers
# Up to this many pixels a side, the stem keeps the size: CIFAR's 32 pixels would be 1 before the last stage.
_SMALL = 64
# Running statistics start at 0 and 1. With Keras' 0.99 those of dozens of layers, each fed by the one before, took
# thousands of steps to come near the data's: a network of 68 % training accuracy guessed in evaluation.
_MOMENTUM = 0.95
# What follows a batch norm: a function of a tensor and the name of its place.
Activation = Callable[[Any, str], Any]


def divisible(channels: float) -> int:
    """Returns the multiple of 8 nearest to a channel count, at least 8 and not below nine tenths of it."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def stem_stride(input_shape: tuple[int, int, int]) -> int:
    """Returns the stride of a network's first convolution: 1 up to 64 pixels, otherwise 2."""
    return 1 if min(input_shape[:2]) <= _SMALL else 2


def relu(x: Any, at: str) -> Any:
    """Returns max(x, 0)."""
    return _layers.ReLU(name=f"{at}_relu")(x)


def relu6(x: Any, at: str) -> Any:
    """Returns min(max(x, 0), 6)."""
    return _layers.ReLU(6.0, name=f"{at}_relu")(x)


def swish(x: Any, at: str) -> Any:
    """Returns x sigmoid(x), as a product that quantization can look into."""
    gate = _layers.Activation("sigmoid", name=f"{at}_sigmoid")(x)
    return _layers.Multiply(name=f"{at}_swish")([x, gate])


def hard_swish(x: Any, at: str) -> Any:
    """Returns x ReLU6(x + 3) / 6, of stock layers that the converter makes one HARD_SWISH operator of."""
    gate = _layers.Rescaling(1.0, 3.0, name=f"{at}_shift")(x)
    gate = _layers.ReLU(6.0, name=f"{at}_relu")(gate)
    gate = _layers.Rescaling(1 / 6, name=f"{at}_sixth")(gate)
    return _layers.Multiply(name=f"{at}_hard_swish")([x, gate])


def convolution(x: Any, filters: int, kernel: int, stride: int, at: str, activation: Activation | None) -> Any:
    """Returns a convolution with its batch norm and activation."""
    x = _layers.Conv2D(
        filters, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal", name=at
    )(x)
    return _normalised(x, at, activation)


def depthwise(x: Any, kernel: int, stride: int, at: str, activation: Activation | None) -> Any:
    """Returns a convolution of each channel apart, with its batch norm and activation."""
    # "fan_out": each filter has kernel x kernel inputs, which Keras takes for its outputs.
    initial = keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")
    x = _layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, depthwise_initializer=initial, name=at
    )(x)
    return _normalised(x, at, activation)


def squeeze_excite(
    x: Any, units: int, at: str, activation: Activation, gate: Activation, *, bias: float = 0.0
) -> Any:
    """Returns x with each channel multiplied by a gate that two 1x1 convolutions compute from all channels' means.

    Args:
        x: float32 [B, H, W, channels].
        units: channels between the two.
        at: the name of its place.
        activation: behind the first.
        gate: behind the second.
        bias: that the second starts with.
    """
    # The converter leaves out the mean of one value, and with it the range that training would give it.
    single = x.shape[1:3] == (1, 1)
    means = x if single else _layers.GlobalAveragePooling2D(keepdims=True, name=f"{at}_squeeze")(x)
    y = _layers.Conv2D(units, 1, kernel_initializer="he_normal", name=f"{at}_reduce")(means)
    y = _layers.Conv2D(
        x.shape[-1],
        1,
        kernel_initializer="he_normal",
        bias_initializer=keras.initializers.Constant(bias),
        name=f"{at}_gate",
    )(activation(y, f"{at}_reduce"))
    return _layers.Multiply(name=f"{at}_excite")([x, gate(y, f"{at}_gate")])


def joined(x: Any, y: Any, stride: int, at: str) -> Any:
    """Returns a block's output: the sum with its input where both have one shape."""
    return _layers.Add(name=f"{at}_add")([x, y]) if stride == 1 and x.shape[-1] == y.shape[-1] else y


def headed(image: Any, x: Any, classes: int, name: str) -> Any:
    """Returns the model: a global mean and a dense layer behind x."""
    return classified(image, pooled(x), classes, name)


def pooled(x: Any) -> Any:
    """Returns the means of x's channels, float32 [B, channels]."""
    # As in `squeeze_excite`.
    single = x.shape[1:3] == (1, 1)
    return _layers.Flatten(name="pool")(x) if single else _layers.GlobalAveragePooling2D(name="pool")(x)


def classified(image: Any, x: Any, classes: int, name: str) -> Any:
    """Returns the model: a dense layer behind x, float32 [B, channels]."""
    logits = _layers.Dense(classes, kernel_initializer="he_normal", name="logits")(x)
    return keras.Model(image, logits, name=name)


def _normalised(x: Any, at: str, activation: Activation | None) -> Any:
    x = _layers.BatchNormalization(momentum=_MOMENTUM, name=f"{at}_bn")(x)
    return activation(x, at) if activation else x
