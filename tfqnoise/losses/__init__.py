"""Losses without memory. One file per loss.

A loss is a frozen dataclass that is called with

    labels: float32 tensor [B, C], a distribution over classes for each picture (one-hot for a plain label)
    logits: float tensor [B, C]

and returns the loss of each picture, float32 [B], in nats or in the loss's own unit. It is finite and has a
finite gradient for logits up to 1e30. What needs memory per example is a strategy. A loss that is not linear
in the labels by its formula says what it makes of soft ones.

A loss with the class attribute `scheduled = True` takes a third argument,

    passed: float32 [] or float, the share of the run's training steps that are over, by default 1

`scheduled` gives every loss that form. The class attribute `task` says what the labels are: "single", which
needn't be written, or "multi" for losses of `tfqnoise.losses.multi_label`, whose labels are float [B, L], each
present (1), absent (0), in between, or unknown (negative). `task` reads it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfqnoise.registry import Registry

registry = Registry("loss", __name__)
register, get = registry.register, registry.get


# The plain loss for each kind of labels: what --loss cross_entropy, the default, means.
USUAL = {"single": "cross_entropy", "multi": "binary_cross_entropy"}


def scheduled(loss: Any) -> Callable[[Any, Any, Any], Any]:
    """Returns `loss` as a function of (labels, logits, passed), whether or not it depends on `passed`.

    Example:
        >>> scheduled(get("truncated_gce"))(labels, logits, 0.2)  # before its start: plain gce
    """
    if getattr(loss, "scheduled", False):
        return loss
    return lambda labels, logits, passed: loss(labels, logits)


def task(loss: Any) -> str:
    """Returns what the loss's labels are: "single" for one class a picture, "multi" for L labels a picture."""
    return str(getattr(loss, "task", "single"))


def preflight(loss: Any, classes: int) -> None:
    """Calls `loss` once, outside any graph: Keras turns an error of a training step into one of its own.

    Args:
        loss: the loss.
        classes: how many logits the network has.

    Raises:
        UsageError: if the loss was made for another number of classes or labels.
    """
    one = np.eye(1, classes, dtype=np.float32)
    loss(one, one)
