"""Losses without memory. One file per loss.

A loss is a frozen dataclass that is called with

    labels: float tensor [B, C], a distribution over classes for each picture (one-hot for a plain label)
    logits: float tensor [B, C]

and returns the loss of each picture, float32 [B], in nats or in the loss's own unit. It is finite and has a
finite gradient for every finite logit. What needs memory per example is a strategy.
"""

from typing import Any

from tfqnoise.registry import Registry

registry = Registry("loss", __name__)
register, get = registry.register, registry.get


def scheduled(loss: Any) -> Any:
    """Returns a loss as a function of (labels, logits, passed), whether it looks at the last or not."""
    return loss if getattr(loss, "scheduled", False) else lambda labels, logits, passed: loss(labels, logits)


def task(loss: Any) -> str:
    """Returns "single" or "multi", the labels that a loss is for."""
    return getattr(loss, "task", "single")
