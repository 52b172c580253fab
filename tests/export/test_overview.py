import json

import pytest
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise import Run
from tfqnoise.errors import RunError
from tfqnoise.export.graph import graph
from tfqnoise.export.inspect import read
from tfqnoise.export.overview import Overview, overview_of


def test_an_integer_model_is_shown_operator_by_operator(trained):
    path = trained.path / "export" / "model.tflite"
    found = overview_of(trained.path).to_dict()
    assert found == overview_of(path).to_dict()
    assert found["bytes"] == path.stat().st_size
    assert found["sha256"] == trained.read_json("export/report.json")["sha256"]
    assert found["float_tensors"] == []
    assert found["borders"] == {"input": ["int8"], "output": ["int8"]}
    assert found["inputs"][0]["shape"] == [1, 8, 8, 1]
    assert found["inputs"][0]["zero_point"] == -128
    assert found["inputs"][0]["scale"] == pytest.approx(1 / 255)
    assert [operator["index"] for operator in found["operators"]] == list(range(14))
    first = found["operators"][0]
    assert (first["name"], first["version"]) == ("CONV_2D", 3)
    assert first["weights"] == {"type": "int8", "shape": [16, 3, 3, 1], "constant": True}
    assert first["options"] == {"padding": "SAME", "strideW": 1, "strideH": 1, "fusedActivationFunction": "RELU"}
    assert first["outputs"] == [{"type": "int8", "shape": [1, 8, 8, 16], "constant": False}]


def test_a_float_model_names_its_floats(trained):
    found = overview_of(trained.path / "export" / "model_float.tflite")
    assert len(found.float_tensors) > 14
    assert f"float tensors: {len(found.float_tensors)} (such as " in found.table()
    assert found.to_dict()["borders"]["input"] == ["float32"]


def test_every_model_that_others_wrote_is_shown(shared):
    for path in sorted((shared / "peers").rglob("*.tflite")):
        found = overview_of(path)
        assert len(found.table().splitlines()) >= len(found.graph.operators) + 4
        assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["bytes"] == path.stat().st_size


def test_names_cannot_write_to_the_terminal(trained):
    model = read((trained.path / "export" / "model.tflite").read_bytes())
    part = model.subgraphs[0]
    part.tensors[part.inputs[0]].name = b"\x1b[2J\xff\n"
    content = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    table = Overview("evil\x1b.tflite", graph(content)).table()
    assert "\x1b" not in table
    assert (
        "input: \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} int8[1, 8, 8, 1]"
        in table
    )


def test_a_run_without_a_model_says_how_to_export_it(trained, tmp_path):
    run = Run.create(trained.recipe, tmp_path / "run")
    with pytest.raises(RunError, match="export it first"):
        overview_of(run.path)
