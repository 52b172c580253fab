"""What is remembered of each training example, sharded with the data where several devices train."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfqnoise.backend import tf


class Table(list[Any]):
    """A table with a row per training example, as one variable a replica of tf.distribute.

    Row r belongs to replica r mod N, which feeds on no other examples (`tfqnoise.data.pipeline`), and is row r // N
    of that replica's shard. So no replica waits for another to read or write, and a row has one writer.

    It is a list of its shards, so that the module that holds it (`tf.Module`) has them for variables of its own. The
    only shard of a table without replicas has the table's name; of several, shard k is named `<name>_shard<k>`, and
    so it is stored in a checkpoint.

    Args:
        rows: [examples, ...], at the beginning.
        name: of the table.
        devices: of the replicas, in their order; none without tf.distribute. A table is made outside the scope of
            the strategy, which would mirror it.
    """

    def __init__(self, rows: Any, name: str, devices: Sequence[str] = ()) -> None:
        if len(devices) < 2:
            super().__init__([tf.Variable(rows, trainable=False, name=name)])
            return
        super().__init__()
        for number, device in enumerate(devices):
            with tf.device(device):
                own = tf.convert_to_tensor(rows)[number :: len(devices)]
                self.append(tf.Variable(own, trainable=False, name=f"{name}_shard{number}"))

    def gather(self, rows: Any) -> Any:
        """Returns the rows [B, ...] of a batch, in the training step of the replica that they belong to.

        Args:
            rows: int64 [B].
        """
        # A gather of the variable copies no table.
        return tf.gather(self._shard(), self._places(rows))

    def update(self, rows: Any, values: Any) -> None:
        """Puts values [B, ...] into rows of the current replica; an example stands in a batch only once."""
        self._shard().scatter_nd_update(self._places(rows)[:, None], values)

    def add(self, rows: Any, values: Any) -> None:
        """Adds values [B, ...] to rows of the current replica."""
        self._shard().scatter_nd_add(self._places(rows)[:, None], values)

    def value(self) -> np.ndarray:
        """Returns the whole table [examples, ...] in the order of rows, outside the training step."""
        shards = [shard.numpy() for shard in self]
        whole = np.empty((sum(map(len, shards)), *shards[0].shape[1:]), shards[0].dtype)
        for number, shard in enumerate(shards):
            whole[number :: len(shards)] = shard
        return whole

    def assign(self, values: Any) -> None:
        """Puts values [examples, ...] into all rows, outside the training step."""
        for number, shard in enumerate(self):
            shard.assign(values[number :: len(self)])

    def _shard(self) -> Any:
        if len(self) == 1:
            return self[0]
        # Each replica's step is traced by itself, so its number is known then: a constant.
        return self[int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))]

    def _places(self, rows: Any) -> Any:
        return rows // len(self) if len(self) > 1 else rows
