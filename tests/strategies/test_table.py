import numpy as np
import pytest

from tfqnoise.backend import tf
from tfqnoise.strategies.table import Table

ROWS = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
ONE, THREE = (), ("CPU:0",) * 3


class _Holder(tf.Module):
    def __init__(self, devices):
        super().__init__()
        self.table = Table(ROWS, "table", devices)
        self.rate = tf.Variable(0.0, name="rate")


@pytest.mark.parametrize("devices", [ONE, THREE])
def test_a_table_is_its_rows_in_their_order(devices):
    table = Table(ROWS, "table", devices)
    np.testing.assert_array_equal(table.value(), ROWS)
    table.assign(2 * ROWS)
    np.testing.assert_array_equal(table.value(), 2 * ROWS)
    assert table.value().dtype == np.float32


@pytest.mark.parametrize(
    ("devices", "names"), [(ONE, ["table:0"]), (THREE, ["table_shard0:0", "table_shard1:0", "table_shard2:0"])]
)
def test_its_variables_are_those_of_the_module_that_holds_it(devices, names):
    assert [v.name for v in _Holder(devices).variables] == ["rate:0", *names]


def test_rows_are_dealt_in_turn():
    for number, shard in enumerate(Table(ROWS, "table", THREE)):
        np.testing.assert_array_equal(shard, ROWS[number::3])


def test_without_replicas_rows_are_read_and_written_by_their_number():
    table, rows = Table(ROWS, "table"), tf.constant([5, 2], tf.int64)
    np.testing.assert_array_equal(table.gather(rows), ROWS[[5, 2]])
    table.update(rows, tf.zeros([2, 3]))
    table.add(rows, tf.constant([[1.0] * 3, [2.0] * 3]))
    wanted = ROWS.copy()
    wanted[5], wanted[2] = 1, 2
    np.testing.assert_array_equal(table.value(), wanted)
