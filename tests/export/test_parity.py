from tfqnoise.export import parity
from tfqnoise.export.graph import graph
from tfqnoise.export.restore import restore


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
