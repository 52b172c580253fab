"""AlexNet for small pictures."""

from typing import Any

from tfqnoise.backend import keras
from tfqnoise.networks import register

_layers = keras.layers
# (filters, kernel, whether a pooling follows)
_CONVOLUTIONS = ((64, 5, True), (192, 5, True), (384, 3, False), (256, 3, False), (256, 3, True))
_HIDDEN = 4096
_DROPOUT = 0.5


@register(reference="Krizhevsky et al., NeurIPS 2012; first kernel and strides reduced for small pictures")
def alexnet(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Five convolutions and three dense layers, without batch norm; wants a learning rate like 0.01.

    36,054,858 parameters and 254 M MACs on CIFAR-10. The first convolution has 5x5 kernels of stride 1 instead of
    11x11 of stride 4, poolings are 2x2, and there is no local response normalisation.

    Args:
        input_shape: (height, width, channels) of a picture.
        classes: number of logits.
        width: multiplier of the channel counts and of the 4,096 hidden units.
    """
    x = image = keras.Input(input_shape, name="image")
    for number, (base, kernel, pooled) in enumerate(_CONVOLUTIONS, start=1):
        filters = max(1, round(width * base))
        x = _layers.Conv2D(filters, kernel, padding="same", kernel_initializer="he_normal", name=f"conv{number}")(x)
        x = _layers.ReLU(name=f"conv{number}_relu")(x)
        if pooled:
            x = _layers.MaxPooling2D(2, padding="same", name=f"conv{number}_pool")(x)
    x = _layers.Flatten(name="flat")(x)
    for number in (1, 2):
        units = max(1, round(width * _HIDDEN))
        x = _layers.Dense(units, kernel_initializer="he_normal", name=f"hidden{number}")(x)
        x = _layers.ReLU(name=f"hidden{number}_relu")(x)
        # "stateful": from a generator that can be set anew, see `tfqnoise.training.callbacks.Chance`.
        x = _layers.Dropout(_DROPOUT, rng_type="stateful", name=f"hidden{number}_dropout")(x)
    logits = _layers.Dense(classes, kernel_initializer="he_normal", name="logits")(x)
    return keras.Model(image, logits, name="alexnet")
