import json
import shutil

import pytest
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.benchmark import benchmark, cores, host
from tfqnoise.cli import run_command
from tfqnoise.errors import ExportError, UsageError
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


def test_both_kernels_stand_side_by_side_for_each_number_of_threads(trained, silent):
    rows = benchmark(trained, "host", repetitions=20, report=silent)["rows"]
    threads = {1, min(2, cores()), cores()}
    wanted = {(name, n, k) for name in ("model", "model_float") for n in threads for k in ("XNNPACK", "built-in")}
    assert {(row["model"], row["threads"], row["kernel"]) for row in rows} == wanted
    assert len(rows) == len(wanted)


def test_a_file_alone_is_timed_by_the_kernels_asked_for(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = shutil.copy(trained.path / "export" / "model.tflite", "alone.tflite")
    flags = ["--kernels", "builtin", "--threads", "2", "--repetitions", "10", "--json"]
    assert run_command("benchmark", [path, *flags]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert "in microseconds" in said.err
    assert [(row["model"], row["kernel"], row["threads"]) for row in found["rows"]] == [("model", "built-in", 2)]
    assert found["rows"][0]["p50_us"] > 0
    # The same fields as a run keeps, and no trace beside the file.
    assert set(found) == set(benchmark(trained, "host", repetitions=1, report=lambda text: None))
    assert [each.name for each in tmp_path.iterdir()] == ["alone.tflite"]


def test_what_xnnpack_cant_prepare_has_one_row(trained, silent, monkeypatch):
    made = host.Interpreter

    def built_in(content, threads, *, kernels):
        return made(content, threads, kernels="built-in")

    monkeypatch.setattr(host, "Interpreter", built_in)
    rows = benchmark(trained.path / "export" / "model.tflite", {"name": "host", "threads": 1}, repetitions=1)["rows"]
    assert [row["kernel"] for row in rows] == ["built-in"]


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"kernels": "xnpack"}, "did you mean 'xnnpack'"),
        ({"threads": 0}, "--threads 0"),
        ({"threads": 65}, "1 to 64"),
        ({"kernels": 3}, "with kernels = 3"),
    ],
)
def test_settings_that_cant_be_used_are_refused(trained, settings, match):
    with pytest.raises(UsageError, match=match):
        benchmark(trained, {"name": "host", **settings})


def test_a_profile_has_a_row_for_each_operator_and_kernel(trained, capsys):
    settings = {"name": "host", "threads": 1, "profile": True}
    operators = benchmark(trained, settings, repetitions=5)["operators"]
    assert {row["kernel"] for row in operators} == {"XNNPACK", "built-in"}
    assert all(row["calls"] == row["threads"] == 1 for row in operators)
    built_in = [row["type"] for row in operators if row["kernel"] == "built-in"]
    assert built_in.count("CONV_2D") == trained.read_json("export/report.json")["operators"]["CONV_2D"]
    assert sum(row["share"] for row in operators if row["kernel"] == "built-in") == pytest.approx(1, abs=0.01)
    assert "whole microseconds" in capsys.readouterr().out


def test_a_slow_model_is_timed_for_seconds_not_for_a_number(trained, silent, monkeypatch):
    monkeypatch.setattr(host, "_SECONDS", 0.0)
    rows = benchmark(trained, {"name": "host", "threads": 1}, report=silent)["rows"]
    assert all(0 < row["samples"] <= 50 for row in rows)
    rows = benchmark(trained, {"name": "host", "threads": 1}, repetitions=60, report=silent)["rows"]
    assert {row["samples"] for row in rows} == {60}
