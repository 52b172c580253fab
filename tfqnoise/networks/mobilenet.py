"""MobileNets: convolutions split into one per channel and one across channels."""

from typing import Any

from tfqnoise.backend import keras
from tfqnoise.networks import register

_layers = keras.layers
# Up to this many pixels a side, the stem keeps the size: CIFAR's 32 pixels would be 1 before the last stage.
_SMALL = 64
# Channels and stride of each separable convolution.
_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
# Expansion, channels, blocks and stride of each stage.
_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def _divisible(channels: float) -> int:
    """Returns the multiple of 8 nearest to a channel count, at least 8 and not below nine tenths of it."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _conv(x: Any, filters: int, kernel: int, stride: int, at: str, *, relu: bool = True) -> Any:
    x = _layers.Conv2D(
        filters, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal", name=at
    )(x)
    return _normalised(x, at, relu=relu)


def _depthwise(x: Any, stride: int, at: str) -> Any:
    x = _layers.DepthwiseConv2D(
        3, stride, padding="same", use_bias=False, depthwise_initializer="he_normal", name=at
    )(x)
    return _normalised(x, at, relu=True)


def _normalised(x: Any, at: str, *, relu: bool) -> Any:
    x = _layers.BatchNormalization(name=f"{at}_bn")(x)
    return _layers.ReLU(6.0, name=f"{at}_relu")(x) if relu else x


def _stem_stride(input_shape: tuple[int, int, int]) -> int:
    return 1 if min(input_shape[:2]) <= _SMALL else 2


def _headed(image: Any, x: Any, classes: int, name: str) -> Any:
    x = _layers.GlobalAveragePooling2D(name="pool")(x)
    logits = _layers.Dense(classes, kernel_initializer="he_normal", name="logits")(x)
    return keras.Model(image, logits, name=name)


@register(reference="Howard et al., 2017 (arXiv 1704.04861), table 1")
def mobilenet_v1(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Thirteen separable convolutions; 4,253,864 parameters and 569 M MACs at 224 pixels and 1,000 classes.

    Args:
        input_shape: (height, width, channels) of a picture; up to 64 pixels the stem has a stride of 1.
        classes: number of logits.
        width: multiplier of the channel counts 32 to 1024.
    """
    image = keras.Input(input_shape, name="image")
    x = _conv(image, max(1, round(32 * width)), 3, _stem_stride(input_shape), "stem")
    for number, (base, stride) in enumerate(_V1, start=1):
        x = _depthwise(x, stride, f"block{number}_depthwise")
        x = _conv(x, max(1, round(base * width)), 1, 1, f"block{number}_pointwise")
    return _headed(image, x, classes, "mobilenet_v1")


@register(reference="Sandler et al., CVPR 2018 (arXiv 1801.04381), table 2")
def mobilenet_v2(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Seventeen inverted residuals; 3,538,984 parameters and 301 M MACs at 224 pixels and 1,000 classes.

    Args:
        input_shape: (height, width, channels) of a picture; up to 64 pixels the stem has a stride of 1.
        classes: number of logits.
        width: multiplier of the channel counts, rounded to multiples of 8; the last 1280 channels stay at least.
    """
    image = keras.Input(input_shape, name="image")
    x = _conv(image, _divisible(32 * width), 3, _stem_stride(input_shape), "stem")
    number = 0
    for expansion, base, blocks, stride in _V2:
        for block in range(blocks):
            number += 1
            x = _inverted(x, expansion, _divisible(base * width), stride if block == 0 else 1, f"block{number}")
    x = _conv(x, _divisible(1280 * max(1.0, width)), 1, 1, "head")
    return _headed(image, x, classes, "mobilenet_v2")


def _inverted(x: Any, expansion: int, filters: int, stride: int, at: str) -> Any:
    channels = x.shape[-1]
    y = x if expansion == 1 else _conv(x, expansion * channels, 1, 1, f"{at}_expand")
    y = _depthwise(y, stride, f"{at}_depthwise")
    y = _conv(y, filters, 1, 1, f"{at}_project", relu=False)
    return _layers.Add(name=f"{at}_add")([x, y]) if stride == 1 and channels == filters else y
