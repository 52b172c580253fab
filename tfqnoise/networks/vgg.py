"""VGG for small pictures: five stages of 3x3 convolutions, halved between, and one dense layer."""

from typing import Any

from tfqnoise.backend import keras
from tfqnoise.networks import register

_layers = keras.layers
_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def _vgg(input_shape: tuple[int, int, int], classes: int, width: float, normalised: bool, name: str) -> Any:
    x = image = keras.Input(input_shape, name="image")
    for stage, (base, convolutions) in enumerate(_STAGES, start=1):
        filters = max(1, round(width * base))
        for number in range(1, convolutions + 1):
            at = f"stage{stage}_conv{number}"
            x = _layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=at)(x)
            if normalised:
                x = _layers.BatchNormalization(name=f"{at}_bn")(x)
            x = _layers.ReLU(name=f"{at}_relu")(x)
        # Padded, so that pictures of fewer than 32 pixels pass too.
        x = _layers.MaxPooling2D(2, padding="same", name=f"stage{stage}_pool")(x)
    x = _layers.Flatten(name="flat")(x)
    logits = _layers.Dense(classes, kernel_initializer="he_normal", name="logits")(x)
    return keras.Model(image, logits, name=name)


_REFERENCE = "Simonyan and Zisserman, ICLR 2015 (arXiv 1409.1556), configuration D; its dense layers reduced to one"


@register(reference=_REFERENCE)
def vgg16(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Thirteen convolutions with batch norm; 14,736,714 parameters and 313 M MACs on CIFAR-10.

    Args:
        input_shape: (height, width, channels) of a picture.
        classes: number of logits.
        width: multiplier of the channel counts 64 to 512.
    """
    return _vgg(input_shape, classes, width, True, "vgg16")


@register(reference=_REFERENCE)
def vgg16_plain(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Thirteen convolutions without batch norm, as published; wants a learning rate like 0.01.

    Args:
        input_shape: (height, width, channels) of a picture.
        classes: number of logits.
        width: multiplier of the channel counts 64 to 512.
    """
    return _vgg(input_shape, classes, width, False, "vgg16_plain")
