"""MobileNets: convolutions split into one per channel and one across channels."""

from typing import Any

from tfqnoise.backend import keras
from tfqnoise.networks import register
from tfqnoise.networks.blocks import convolution, depthwise, divisible, headed, joined, relu6, stem_stride

# Channels and stride of each separable convolution.
_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
# Expansion, channels, blocks and stride of each stage.
_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


@register(reference="Howard et al., 2017 (arXiv 1704.04861), table 1")
def mobilenet_v1(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Thirteen separable convolutions; 4,253,864 parameters and 569 M MACs at 224 pixels and 1,000 classes.

    Args:
        input_shape: (height, width, channels) of a picture; up to 64 pixels the stem has a stride of 1.
        classes: number of logits.
        width: multiplier of the channel counts 32 to 1024.
    """
    image = keras.Input(input_shape, name="image")
    x = convolution(image, max(1, round(32 * width)), 3, stem_stride(input_shape), "stem", relu6)
    for number, (base, stride) in enumerate(_V1, start=1):
        x = depthwise(x, 3, stride, f"block{number}_depthwise", relu6)
        x = convolution(x, max(1, round(base * width)), 1, 1, f"block{number}_pointwise", relu6)
    return headed(image, x, classes, "mobilenet_v1")


@register(reference="Sandler et al., CVPR 2018 (arXiv 1801.04381), table 2")
def mobilenet_v2(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Seventeen inverted residuals; 3,538,984 parameters and 301 M MACs at 224 pixels and 1,000 classes.

    Args:
        input_shape: (height, width, channels) of a picture; up to 64 pixels the stem has a stride of 1.
        classes: number of logits.
        width: multiplier of the channel counts, rounded to multiples of 8; the last 1280 channels stay at least.
    """
    image = keras.Input(input_shape, name="image")
    x = convolution(image, divisible(32 * width), 3, stem_stride(input_shape), "stem", relu6)
    number = 0
    for expansion, base, blocks, stride in _V2:
        for block in range(blocks):
            number += 1
            x = _inverted(x, expansion, divisible(base * width), stride if block == 0 else 1, f"block{number}")
    x = convolution(x, divisible(1280 * max(1.0, width)), 1, 1, "head", relu6)
    return headed(image, x, classes, "mobilenet_v2")


def _inverted(x: Any, expansion: int, filters: int, stride: int, at: str) -> Any:
    y = x if expansion == 1 else convolution(x, expansion * x.shape[-1], 1, 1, f"{at}_expand", relu6)
    y = depthwise(y, 3, stride, f"{at}_depthwise", relu6)
    y = convolution(y, filters, 1, 1, f"{at}_project", None)
    return joined(x, y, stride, at)
