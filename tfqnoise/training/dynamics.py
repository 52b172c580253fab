"""How each training example fares while a run trains."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.data.dataset import Dataset
from tfqnoise.strategies import State
from tfqnoise.strategies.table import Table


class Dynamics(tf.Module):
    """Sums of margins and losses of each training example, saved with the checkpoint.

    The margin is the logit of the given label less the largest other one, as the augmented picture came by. Its mean
    over the epochs, the area under the margin, is low for wrong labels: the others pull their pictures elsewhere.

    Args:
        examples: N.
        devices: of the replicas, see `tfqnoise.strategies.table`.

    Reference: Pleiss et al., NeurIPS 2020 (arXiv 2001.10528), equation 1.
    """

    def __init__(self, examples: int, devices: Sequence[str] = ()) -> None:
        super().__init__()
        self.seen = Table(tf.zeros([examples]), "seen", devices)
        self.margins = Table(tf.zeros([examples]), "margins", devices)
        self.losses = Table(tf.zeros([examples]), "losses", devices)

    def update(self, batch: dict[str, Any], logits: Any) -> None:
        """Adds what a batch shows.

        Args:
            batch: with `label` int64 [B] and `row` int64 [B].
            logits: [B, C]; None where the network saw the pictures mixed only, and says nothing of a single one.
        """
        label, rows = batch["label"], batch["row"]
        self.seen.add(rows, tf.ones_like(label, tf.float32))
        if logits is None:
            return
        logits = tf.stop_gradient(tf.cast(logits, tf.float32))
        own = tf.one_hot(label, logits.shape[-1], on_value=True, off_value=False)
        given = tf.gather(logits, label, batch_dims=1)
        other = tf.reduce_max(tf.where(own, logits.dtype.min, logits), axis=-1)
        self.margins.add(rows, given - other)
        self.losses.add(rows, tf.reduce_logsumexp(logits, axis=-1) - given)


def examples(dataset: Dataset, dynamics: Dynamics, strategy: State) -> dict[str, np.ndarray]:
    """Returns the content of examples.npz: what is known of each training example, for an audit.

    Args:
        dataset: the training examples.
        dynamics: what was seen of them.
        strategy: what believes something of their labels.
    """
    train, seen = dataset.train, dynamics.seen.value()
    unknown = np.full(len(train), np.nan)
    table = strategy.label_table()
    return {
        "ids": train.examples.ids,
        "given": train.given,
        "source": train.examples.labels,
        "seen": seen,
        # A strategy that mixes pictures never answers to one as it is.
        "margin": dynamics.margins.value() / np.maximum(seen, 1) if strategy.answers else unknown,
        "loss": dynamics.losses.value() / np.maximum(seen, 1) if strategy.answers else unknown,
        **({} if table is None else {"table": table}),
    }
