"""MobileNet V3: inverted residuals of searched sizes, with squeeze-excite and hard-swish, and without both."""

from typing import Any

from tfqnoise.backend import keras
from tfqnoise.networks import register
from tfqnoise.networks.blocks import (
    classified,
    convolution,
    depthwise,
    divisible,
    hard_swish,
    joined,
    pooled,
    relu,
    relu6,
    squeeze_excite,
    stem_stride,
)

_layers = keras.layers
# Kernel, expanded channels, channels, squeeze-excite, hard-swish (otherwise ReLU) and stride of each block.
_SMALL = (
    *((3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1)),
    *((5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1)),
    *((5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1), (5, 288, 96, True, True, 2)),
    *((5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1)),
)
_LARGE = (
    *((3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1)),
    *((5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1)),
    *((3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1)),
    *((3, 184, 80, False, True, 1), (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1)),
    *((5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1)),
)
_STEM = 16
_PAPER = "Howard et al., ICCV 2019 (arXiv 1905.02244)"
_LITE = f"{_PAPER}, in the 'minimalistic' form of its authors' code, with ReLU6"


@register(reference=f"{_PAPER}, table 2")
def mobilenet_v3_small(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Eleven inverted residuals; 2,554,968 parameters and 56 M MACs at 224 pixels and 1,000 classes.

    Args:
        input_shape: (height, width, channels) of a picture; up to 64 pixels the stem has a stride of 1.
        classes: number of logits.
        width: multiplier of the blocks' channel counts, rounded to multiples of 8; the stem's 16 stay, the last 1024
            at least.
    """
    return _mobilenet_v3(input_shape, classes, width, _SMALL, 1024, "mobilenet_v3_small")


@register(reference=f"{_PAPER}, table 1")
def mobilenet_v3_large(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Fifteen inverted residuals; 5,507,432 parameters and 217 M MACs at 224 pixels and 1,000 classes.

    Args:
        input_shape: (height, width, channels) of a picture; up to 64 pixels the stem has a stride of 1.
        classes: number of logits.
        width: multiplier of the blocks' channel counts, rounded to multiples of 8; the stem's 16 stay, the last 1280
            at least.
    """
    return _mobilenet_v3(input_shape, classes, width, _LARGE, 1280, "mobilenet_v3_large")


@register(reference=_LITE)
def mobilenet_v3_small_lite(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """The small one with 3x3 kernels and ReLU6 alone; 2,056,848 parameters and 52 M MACs at 224 pixels.

    Args:
        input_shape: (height, width, channels) of a picture; up to 64 pixels the stem has a stride of 1.
        classes: number of logits.
        width: as of `mobilenet_v3_small`.
    """
    return _mobilenet_v3(input_shape, classes, width, _SMALL, 1024, "mobilenet_v3_small_lite", lite=True)


@register(reference=_LITE)
def mobilenet_v3_large_lite(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """The large one with 3x3 kernels and ReLU6 alone; 3,948,688 parameters and 209 M MACs at 224 pixels.

    Args:
        input_shape: (height, width, channels) of a picture; up to 64 pixels the stem has a stride of 1.
        classes: number of logits.
        width: as of `mobilenet_v3_large`.
    """
    return _mobilenet_v3(input_shape, classes, width, _LARGE, 1280, "mobilenet_v3_large_lite", lite=True)


def _mobilenet_v3(
    input_shape: tuple[int, int, int],
    classes: int,
    width: float,
    blocks: tuple[tuple[int, int, int, bool, bool, int], ...],
    hidden: int,
    name: str,
    *,
    lite: bool = False,
) -> Any:
    activation = relu6 if lite else hard_swish
    image = keras.Input(input_shape, name="image")
    x = convolution(image, _STEM, 3, stem_stride(input_shape), "stem", activation)
    before = _STEM
    for number, (kernel, expanded, base, gated, curved, stride) in enumerate(blocks, start=1):
        # Widths of the expansions follow those of the blocks by the same ratio.
        channels = divisible(x.shape[-1] * (expanded / before))
        inner = relu6 if lite else hard_swish if curved else relu
        at = f"block{number}"
        y = x if number == 1 else convolution(x, channels, 1, 1, f"{at}_expand", inner)
        y = depthwise(y, 3 if lite else kernel, stride, f"{at}_depthwise", inner)
        if gated and not lite:
            # A gate of ReLU6(x + 3) is six times a hard sigmoid's. Three is what its bias starts with, and the batch
            # norm of the projection takes the factor out: on the device that saves two operators a block.
            y = squeeze_excite(y, divisible(channels / 4), at, relu, relu6, bias=3.0)
        y = convolution(y, divisible(base * width), 1, 1, f"{at}_project", None)
        x, before = joined(x, y, stride, at), base
    x = convolution(x, divisible(x.shape[-1] * 6), 1, 1, "head", activation)
    x = pooled(x)
    units = divisible(hidden * width) if width > 1 else hidden
    x = _layers.Dense(units, kernel_initializer="he_normal", name="hidden")(x)
    return classified(image, activation(x, "hidden"), classes, name)
