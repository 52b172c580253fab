from types import SimpleNamespace

import numpy as np

from tfqnoise.backend import keras
from tfqnoise.compression.quantization.qat import Widths, quantize
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.data.source import Examples
from tfqnoise.export import convert, parity
from tfqnoise.export.graph import graph
from tfqnoise.export.restore import restore
from tfqnoise.export.storage import pack
from tfqnoise.networks import blocks


def test_each_set_of_kernels_is_compared_by_name(trained):
    rows = trained.read_json("export/report.json")["kernels"]
    assert [row["kernels"] for row in rows] == ["XNNPACK", "built-in", "reference"]
    assert all(row["top1_agreement"] >= 0.99 for row in rows)
    assert rows[0]["differing"] == 0
    # They round differently, so that some single values differ; a lot would be a defect.
    for row in rows[1:]:
        assert 0 < row["differing"] < 0.2 * row["values"]
        assert row["most_steps"] >= 1
        assert row["first_differing"]


def test_the_values_counted_are_those_of_every_operator(trained):
    content = (trained.path / "export" / "model.tflite").read_bytes()
    rows = parity.by_kernel(content, restore(trained), 3)
    values = [tensor.elements for tensor in _outputs(content)]
    assert [row["values"] for row in rows] == [3 * sum(values)] * 3


def _outputs(content):
    return [tensor for operator in graph(content).operators for tensor in operator.outputs]


def test_kernels_that_lack_an_operator_are_named():
    """LiteRT's reference kernels have no depthwise convolution with packed weights."""
    image = keras.Input((8, 8, 3))
    x = blocks.convolution(image, 4, 3, 1, "first", blocks.relu6)
    x = blocks.depthwise(x, 3, 1, "packed", blocks.relu6)
    quantised, _ = quantize(blocks.headed(image, x, 3, "small"), widths=Widths(bits=4))
    images = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), np.uint8)
    quantised(images.astype(np.float32) / 255, training=True)
    settle(quantised, "int4")
    content = pack(convert.integer(quantised, (8, 8, 3)), "int4")

    pictures = Examples(np.arange(10).astype(str), images, np.zeros(10, np.int64))
    restored = SimpleNamespace(network=quantised, test=pictures, task="single")
    rows = parity.by_kernel(content, restored)
    assert [row["kernels"] for row in rows] == ["XNNPACK and built-in", "built-in", "reference"]
    assert "top1_agreement" in rows[1]
    assert "DEPTHWISE_CONV_2D" in rows[2]["refused"]
