"""Quantizers of weights. One file each.

A quantizer turns a kernel into step x integers; the step is one number a tensor, or one per channel of the last
axis. `tfqnoise.compression.quantization.integers` says which integers there are and how they reach the exporter.

Methods whose levels aren't step x (-n ... n) are left out, because no packed type holds them: four-bit APoT has the
levels 0, 1, 2, 3, 4, 6, 8 and 10 (arXiv 1909.13144), DoReFa the odd ones to 15 (arXiv 1606.06160), LQ-Nets any at all
(arXiv 1807.10029). They would be trained at 4 bits and stored in 8.
"""

from typing import Any

import tensorflow_model_optimization as tfmot

from tfqnoise.compression.quantization import integers
from tfqnoise.registry import Registry

registry = Registry("quantizer", __name__)
register, get = registry.register, registry.get


class WeightQuantizer(tfmot.quantization.keras.quantizers.Quantizer):
    """What all quantizers of weights share. They are frozen dataclasses with at least these fields.

    Attributes:
        bits: of the integers, 1 to 8.
        per_channel: whether each channel of the last axis has its own step.
    """

    bits: int
    per_channel: bool

    def step(self, weight: Any, variables: dict[str, Any]) -> Any:
        """Returns the step, [] or [channels], of the weight as it is."""
        raise NotImplementedError

    def quantise(self, weight: Any, variables: dict[str, Any]) -> Any:
        """Returns step x integers, with the gradient to train with."""
        raise NotImplementedError

    def initialise(self, weight: Any, variables: dict[str, Any]) -> None:
        """Takes the quantizer's own variables from a weight that has been trained without it."""

    def settle(self, weight: Any, variables: dict[str, Any]) -> None:
        """Puts the value that the network computes with into a weight that isn't trained itself."""

    def describe(self) -> str:
        """Returns what a weight becomes, in a word or two."""
        return f"int{self.bits}"

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        return {}

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **kwargs: Any) -> Any:
        if training:
            return self.quantise(inputs, weights)
        step = self.step(inputs, weights)
        values = inputs if self.bits == 8 else integers.rounded(inputs / step, self.bits) * step
        return integers.weights_as_int8(values, step)

    def get_config(self) -> dict[str, Any]:
        return registry.to_dict(self)

    def reduced(self, weight: Any) -> list[int]:
        """Returns the axes over which weights share a step."""
        return list(range(weight.shape.rank - 1 if self.per_channel else weight.shape.rank))
