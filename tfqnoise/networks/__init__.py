"""Flat functional networks. One file per family.

A network is a function (input_shape, classes, width) -> keras.Model that maps pictures in [0, 1],
float32 [B, H, W, channels], to logits, float32 [B, classes]. It is one flat graph of stock Keras layers, so
that TF-MOT can rewrite it, and it takes raw pixels: on the device a picture needs no preparation.
"""

from tfqnoise.registry import Registry

registry = Registry("network", __name__)
register, get = registry.register, registry.get
