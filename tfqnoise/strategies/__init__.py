"""Strategies: what needs memory per example, two networks or phases. One file per strategy.

A strategy is a frozen dataclass of settings. `build` returns its state for one run, a `tf.Module` with

    loss(batch, labels, logits) -> float32 [B], called once per training step, in the graph;

all its `tf.Variable`s are saved with the checkpoint. A table has one row per training example;
`batch["row"]` is the example's row, which depends on its id only.
"""

from tfqnoise.registry import Registry

registry = Registry("strategy", __name__)
register, get = registry.register, registry.get
