"""EfficientNets: inverted residuals with squeeze-excite and swish, scaled in depth, width and resolution together."""

import math
from typing import Any

from tfqnoise.backend import keras
from tfqnoise.errors import UsageError
from tfqnoise.networks import register
from tfqnoise.networks.blocks import (
    Activation,
    convolution,
    depthwise,
    divisible,
    headed,
    joined,
    relu6,
    squeeze_excite,
    stem_stride,
    swish,
)

_layers = keras.layers
# Kernel, expansion, channels, blocks and stride of each stage of B0.
_STAGES = (
    *((3, 1, 16, 1, 1), (3, 6, 24, 2, 2), (5, 6, 40, 2, 2), (3, 6, 80, 3, 2)),
    *((5, 6, 112, 3, 1), (5, 6, 192, 4, 2), (3, 6, 320, 1, 1)),
)
_STEM, _HEAD = 32, 1280
# A thousand blocks and more are a slip of the keyboard.
_DEEPEST = 64
# Products such as 1.1 * 1.0 * 10 lie a rounding error above a whole number of blocks, which isn't one block more.
_ROUNDING = 1e-9
_PAPER = "Tan and Le, ICML 2019 (arXiv 1905.11946)"
_LITE = "TensorFlow's tpu repository, models/official/efficientnet/lite (2020)"
# The laws of the registry are tried on shallow ones.
_SHALLOW = {"depth": 0.25}


@register(reference=f"{_PAPER}, table 1", sample=_SHALLOW)
def efficientnet_b0(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: float = 1.0) -> Any:
    """Sixteen inverted residuals; 5,330,564 parameters and 386 M MACs at 224 pixels and 1,000 classes.

    `tfqnoise.networks.compound` has the rule by which it is scaled, and the search for its constants. There is
    neither dropout nor stochastic depth.

    Args:
        input_shape: (height, width, channels) of a picture; up to 64 pixels the stem has a stride of 1.
        classes: number of logits.
        width: multiplier of the channel counts, rounded to multiples of 8.
        depth: multiplier of the blocks of each stage, rounded up.

    Raises:
        UsageError: for a depth that isn't above 0.
    """
    return _efficientnet(input_shape, classes, width, depth, "efficientnet_b0")


@register(reference=_PAPER, sample=_SHALLOW)
def efficientnet_b1(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: float = 1.0) -> Any:
    """B0 with 1.1 times the depth, for 240 pixels; 7,856,232 parameters and 687 M MACs at 1,000 classes.

    Args:
        input_shape: as of `efficientnet_b0`.
        classes: number of logits.
        width: multiplier of the channel counts.
        depth: multiplier of the blocks of each stage, on top of 1.1.
    """
    return _efficientnet(input_shape, classes, width, 1.1 * depth, "efficientnet_b1")


@register(reference=_PAPER, sample=_SHALLOW)
def efficientnet_b2(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: float = 1.0) -> Any:
    """B0 with 1.1 times the width and 1.2 the depth, for 260 pixels; 9,177,562 parameters and 994 M MACs.

    Args:
        input_shape: as of `efficientnet_b0`.
        classes: number of logits.
        width: multiplier of the channel counts, on top of 1.1.
        depth: multiplier of the blocks of each stage, on top of 1.2.
    """
    return _efficientnet(input_shape, classes, 1.1 * width, 1.2 * depth, "efficientnet_b2")


@register(reference=_PAPER, sample=_SHALLOW)
def efficientnet_b3(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: float = 1.0) -> Any:
    """B0 with 1.2 times the width and 1.4 the depth, for 300 pixels; 12,320,528 parameters and 1.8 G MACs.

    Args:
        input_shape: as of `efficientnet_b0`.
        classes: number of logits.
        width: multiplier of the channel counts, on top of 1.2.
        depth: multiplier of the blocks of each stage, on top of 1.4.
    """
    return _efficientnet(input_shape, classes, 1.2 * width, 1.4 * depth, "efficientnet_b3")


@register(reference=_PAPER, sample=_SHALLOW)
def efficientnet_b4(input_shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: float = 1.0) -> Any:
    """B0 with 1.4 times the width and 1.8 the depth, for 380 pixels; 19,466,816 parameters and 4.4 G MACs.

    Args:
        input_shape: as of `efficientnet_b0`.
        classes: number of logits.
        width: multiplier of the channel counts, on top of 1.4.
        depth: multiplier of the blocks of each stage, on top of 1.8.
    """
    return _efficientnet(input_shape, classes, 1.4 * width, 1.8 * depth, "efficientnet_b4")


@register(reference=_LITE, sample=_SHALLOW)
def efficientnet_lite0(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: float = 1.0
) -> Any:
    """B0 without squeeze-excite, with ReLU6; 4,694,024 parameters and 385 M MACs at 224 pixels and 1,000 classes.

    Stem and head keep their 32 and 1280 channels at every width, and the first and last stage their one block.

    Args:
        input_shape: (height, width, channels) of a picture; up to 64 pixels the stem has a stride of 1.
        classes: number of logits.
        width: multiplier of the blocks' channel counts, rounded to multiples of 8.
        depth: multiplier of the blocks of the stages between, rounded up.
    """
    return _efficientnet(input_shape, classes, width, depth, "efficientnet_lite0", lite=True)


@register(reference=_LITE, sample=_SHALLOW)
def efficientnet_lite1(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: float = 1.0
) -> Any:
    """Lite0 with 1.1 times the depth, for 240 pixels; 5,470,344 parameters and 600 M MACs at 1,000 classes.

    Args:
        input_shape: as of `efficientnet_lite0`.
        classes: number of logits.
        width: multiplier of the blocks' channel counts.
        depth: multiplier of the blocks of the stages between, on top of 1.1.
    """
    return _efficientnet(input_shape, classes, width, 1.1 * depth, "efficientnet_lite1", lite=True)


@register(reference=_LITE, sample=_SHALLOW)
def efficientnet_lite2(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: float = 1.0
) -> Any:
    """Lite0 with 1.1 times the width and 1.2 the depth, for 260 pixels; 6,150,168 parameters and 860 M MACs.

    Args:
        input_shape: as of `efficientnet_lite0`.
        classes: number of logits.
        width: multiplier of the blocks' channel counts, on top of 1.1.
        depth: multiplier of the blocks of the stages between, on top of 1.2.
    """
    return _efficientnet(input_shape, classes, 1.1 * width, 1.2 * depth, "efficientnet_lite2", lite=True)


@register(reference=_LITE, sample=_SHALLOW)
def efficientnet_lite3(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: float = 1.0
) -> Any:
    """Lite0 with 1.2 times the width and 1.4 the depth, for 280 pixels; 8,273,768 parameters and 1.4 G MACs.

    Args:
        input_shape: as of `efficientnet_lite0`.
        classes: number of logits.
        width: multiplier of the blocks' channel counts, on top of 1.2.
        depth: multiplier of the blocks of the stages between, on top of 1.4.
    """
    return _efficientnet(input_shape, classes, 1.2 * width, 1.4 * depth, "efficientnet_lite3", lite=True)


@register(reference=_LITE, sample=_SHALLOW)
def efficientnet_lite4(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: float = 1.0
) -> Any:
    """Lite0 with 1.4 times the width and 1.8 the depth, for 300 pixels; 13,118,936 parameters and 2.6 G MACs.

    Args:
        input_shape: as of `efficientnet_lite0`.
        classes: number of logits.
        width: multiplier of the blocks' channel counts, on top of 1.4.
        depth: multiplier of the blocks of the stages between, on top of 1.8.
    """
    return _efficientnet(input_shape, classes, 1.4 * width, 1.8 * depth, "efficientnet_lite4", lite=True)


def _efficientnet(
    input_shape: tuple[int, int, int], classes: int, width: float, depth: float, name: str, *, lite: bool = False
) -> Any:
    if not 0 < depth < _DEEPEST:
        raise UsageError(
            f"{name} with {depth:g} times the depth of B0",
            f"more than 0 and less than {_DEEPEST}",
            "set for example 1",
        )
    activation = relu6 if lite else swish
    image = keras.Input(input_shape, name="image")
    stem = _STEM if lite else divisible(_STEM * width)
    x = convolution(image, stem, 3, stem_stride(input_shape), "stem", activation)
    number = 0
    for kernel, expansion, base, blocks, stride in _STAGES:
        repeats = blocks if lite and blocks == 1 else math.ceil(blocks * depth - _ROUNDING)
        for block in range(repeats):
            number += 1
            shape = (kernel, expansion, divisible(base * width), stride if block == 0 else 1)
            x = _block(x, *shape, f"block{number}", activation, gated=not lite)
    x = convolution(x, _HEAD if lite else divisible(_HEAD * width), 1, 1, "head", activation)
    return headed(image, x, classes, name)


def _block(
    x: Any, kernel: int, expansion: int, filters: int, stride: int, at: str, activation: Activation, *, gated: bool
) -> Any:
    channels = x.shape[-1]
    y = x if expansion == 1 else convolution(x, expansion * channels, 1, 1, f"{at}_expand", activation)
    y = depthwise(y, kernel, stride, f"{at}_depthwise", activation)
    if gated:
        y = squeeze_excite(y, max(1, channels // 4), at, activation, _sigmoid)
    y = convolution(y, filters, 1, 1, f"{at}_project", None)
    return joined(x, y, stride, at)


def _sigmoid(x: Any, at: str) -> Any:
    return _layers.Activation("sigmoid", name=f"{at}_sigmoid")(x)
