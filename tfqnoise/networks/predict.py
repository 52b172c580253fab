"""Logits of a network over uint8 pictures."""

from typing import Any

import numpy as np

from tfqnoise.backend import tf


class Predictor:
    """Runs a network in inference mode over uint8 pictures.

    The graph is traced once and reads the network's variables as they are when it is called.

    Args:
        network: maps float32 [B, H, W, C] in [0, 1] to logits.
        batch_size: pictures a call of the graph; the last batch is filled up, so one trace serves all.
    """

    def __init__(self, network: Any, batch_size: int = 500) -> None:
        self._batch_size = batch_size
        self._graph = tf.function(lambda images: network(scale(images), training=False))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns float32 logits [N, classes] of uint8 images [N, H, W, C]."""
        rows = []
        for start in range(0, len(images), self._batch_size):
            batch = images[start : start + self._batch_size]
            padding = [(0, self._batch_size - len(batch)), (0, 0), (0, 0), (0, 0)]
            rows.append(self._graph(tf.constant(np.pad(batch, padding))).numpy()[: len(batch)])
        return np.concatenate(rows)


def scale(images: Any) -> Any:
    """Returns float32 in [0, 1] for uint8 pictures: pixel / 255."""
    return tf.cast(images, tf.float32) * (1 / 255)
