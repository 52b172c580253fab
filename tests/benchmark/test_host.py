import shutil

import pytest
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.benchmark import benchmark, host
from tfqnoise.cli import run_command
from tfqnoise.errors import ExportError
from tfqnoise.export.inspect import read
from tfqnoise.run import Run


@pytest.fixture
def crashing(trained, tmp_path):
    """A model with a scale that LiteRT's kernels abort on."""
    model = read((trained.path / "export" / "model.tflite").read_bytes())
    graph = model.subgraphs[0]
    graph.tensors[graph.operators[0].outputs[0]].quantization.scale = [1e30]
    path = tmp_path / "peer.tflite"
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    return path


def test_a_peer_that_crashes_litert_does_not_take_the_benchmark_with_it(trained, crashing, capsys, monkeypatch):
    assert run_command("benchmark", [str(trained.path), "--peer", str(crashing)]) == 2
    assert "has a scale that is no step of a quantised network" in capsys.readouterr().err
    # The same without the check that knows of it.
    monkeypatch.setattr("tfqnoise.export.child.graph", lambda content: None)
    assert run_command("benchmark", [str(trained.path), "--peer", str(crashing)]) == 2
    assert f"{crashing}: LiteRT crashes with it (SIGABRT)" in capsys.readouterr().err


def test_nothing_is_loaded_here_before_all_was_tried(trained, crashing, silent, monkeypatch):
    loaded = []
    monkeypatch.setattr(host, "Interpreter", lambda *arguments: loaded.append(arguments))
    with pytest.raises(ExportError, match=r"peer\.tflite"):
        benchmark(trained, "host", peers=[crashing], report=silent)
    assert not loaded


def test_a_damaged_model_of_the_run_itself_is_an_error(trained, tmp_path, silent):
    run = Run.open(shutil.copytree(trained.path, tmp_path / "run"))
    path = run.path / "export" / "model_float.tflite"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ExportError, match=r"model_float: .* no TFLite model"):
        benchmark(run, "host", report=silent)
