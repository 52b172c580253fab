"""Quantizers of activations. One file each.

They keep one range a tensor. With fewer than 8 bits they serve tensors behind a ReLU; a signed tensor has no cheap
way to be cut off at both ends on the device and keeps 8 bits.
"""

from typing import Any

import tensorflow_model_optimization as tfmot

from tfqnoise.backend import tf
from tfqnoise.compression.quantization import integers
from tfqnoise.registry import Registry

registry = Registry("activation quantizer", __name__)
register, get = registry.register, registry.get

# Pictures of a batch that ranges are read from. To look at every value of every activation costs a pass over memory
# for each, some 5 % of a training step; batches are drawn at random and ranges are averaged over many of them.
_OBSERVED = 16


def observed(inputs: Any) -> Any:
    """Returns the part of a batch that ranges are read from, float32 [up to 16, ...], without a way for gradients."""
    return tf.stop_gradient(inputs[:_OBSERVED])


class ActivationQuantizer(tfmot.quantization.keras.quantizers.Quantizer):
    """What all quantizers of activations share. They are frozen dataclasses with at least these fields.

    Attributes:
        bits: levels are 2^bits; fewer than 8 only with `non_negative`.
        non_negative: whether the tensor is never negative, as behind a ReLU.
        signed: whether the method has a form for tensors that may be negative.
    """

    bits: int
    non_negative: bool
    signed = True

    def limits(self, variables: dict[str, Any]) -> tuple[Any, Any]:
        """Returns the real numbers that the lowest and highest level stand for."""
        raise NotImplementedError

    def quantise(self, inputs: Any, variables: dict[str, Any]) -> Any:
        """Returns the levels of a training batch, with the gradient to train with, and follows its range."""
        raise NotImplementedError

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **kwargs: Any) -> Any:
        if training:
            return self.quantise(inputs, weights)
        return tf.quantization.fake_quant_with_min_max_vars(inputs, *self.int8_range(weights))

    def int8_range(self, variables: dict[str, Any]) -> tuple[Any, Any]:
        """Returns the range of the int8 tensor that holds the levels."""
        low, high = self.limits(variables)
        return (low, high) if self.bits == 8 else integers.activation_range(high, self.bits)

    def stretch(self, variables: dict[str, Any], factor: float) -> None:
        """Multiplies the range by a factor."""
        for name in {"min", "max", "step", "alpha"} & variables.keys():
            variables[name].assign(variables[name] * factor)

    def scale(self, variables: dict[str, Any]) -> float:
        """Returns the distance of two levels."""
        low, high = self.int8_range(variables)
        return float(high - low) / 255

    def get_config(self) -> dict[str, Any]:
        return registry.to_dict(self)
