"""Residual networks for small pictures: a stem and three stages of 16, 32 and 64 channels."""

from typing import Any

from tfqnoise.backend import keras
from tfqnoise.networks import register

_layers = keras.layers
_DEEP = "He et al., CVPR 2016 (arXiv 1512.03385), section 4.2, with projection shortcuts"


def _conv(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    # The bias in front of a batch norm is redundant, but the reference network has it.
    return _layers.Conv2D(filters, kernel, strides=stride, padding="same", kernel_initializer="he_normal", name=name)(
        x
    )


def _normalised(x: Any, name: str, *, relu: bool) -> Any:
    x = _layers.BatchNormalization(name=f"{name}_bn")(x)
    return _layers.ReLU(name=f"{name}_relu")(x) if relu else x


def _resnet(input_shape: tuple[int, int, int], classes: int, width: float, blocks: int, name: str) -> Any:
    widths = [max(1, round(width * base)) for base in (16, 32, 64)]
    image = keras.Input(input_shape, name="image")
    x = _normalised(_conv(image, widths[0], 3, 1, "stem"), "stem", relu=True)
    for stage, filters in enumerate(widths, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            at = f"stage{stage}_block{block}"
            y = _normalised(_conv(x, filters, 3, stride, f"{at}_conv1"), f"{at}_conv1", relu=True)
            y = _normalised(_conv(y, filters, 3, 1, f"{at}_conv2"), f"{at}_conv2", relu=False)
            if stride != 1:
                x = _conv(x, filters, 1, stride, f"{at}_shortcut")
            x = _layers.ReLU(name=f"{at}_relu")(_layers.Add(name=f"{at}_add")([x, y]))
    x = _layers.GlobalAveragePooling2D(name="pool")(x)
    logits = _layers.Dense(classes, kernel_initializer="he_normal", name="logits")(x)
    return keras.Model(image, logits, name=name)


@register(reference="MLPerf Tiny v1.0, image classification (Banbury et al., NeurIPS 2021, arXiv 2106.07597)")
def resnet8(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """The MLPerf Tiny network: one block a stage; 78,666 parameters and 12.5 M MACs on CIFAR-10.

    Args:
        input_shape: (height, width, channels) of a picture.
        classes: number of logits.
        width: multiplier of the channel counts 16, 32, 64.
    """
    return _resnet(input_shape, classes, width, 1, "resnet8")


@register(reference=_DEEP)
def resnet20(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Three blocks a stage; 274,442 parameters on CIFAR-10, where projections replace the paper's padding.

    Args:
        input_shape: (height, width, channels) of a picture.
        classes: number of logits.
        width: multiplier of the channel counts 16, 32, 64.
    """
    return _resnet(input_shape, classes, width, 3, "resnet20")


@register(reference=_DEEP)
def resnet32(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Five blocks a stage; 470,218 parameters and 69.1 M MACs on CIFAR-10.

    Args:
        input_shape: (height, width, channels) of a picture.
        classes: number of logits.
        width: multiplier of the channel counts 16, 32, 64.
    """
    return _resnet(input_shape, classes, width, 5, "resnet32")


@register(reference=_DEEP)
def resnet56(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Nine blocks a stage; 861,770 parameters and 126 M MACs on CIFAR-10.

    Args:
        input_shape: (height, width, channels) of a picture.
        classes: number of logits.
        width: multiplier of the channel counts 16, 32, 64.
    """
    return _resnet(input_shape, classes, width, 9, "resnet56")
