import dataclasses

import pytest

from tfqnoise.errors import ExportError, UsageError
from tfqnoise.export import targets, vela
from tfqnoise.export.graph import graph

installed = pytest.mark.skipif(vela.find() is None, reason=f"Vela isn't installed: {vela.HOW}")


@pytest.fixture(scope="module")
def model(trained):
    return (trained.path / "export" / "model.tflite").read_bytes()


@pytest.fixture(scope="module")
def float_model(trained):
    return (trained.path / "export" / "model_float.tflite").read_bytes()


@installed
@pytest.mark.parametrize("name", ["ethos_u55", "ethos_u65", "ethos_u85"])
def test_an_int8_model_is_wholly_on_the_accelerator(model, name):
    found = targets.get(name).check(graph(model))
    assert found.passed
    assert {operator.reason for operator in found.operators} == {"NPU"}
    assert "as Vela estimates" in found.notes[0]


@installed
def test_the_estimate_counts_every_multiplication(model, trained):
    macs = trained.read_json("summary.json")["macs"]
    small, large = (vela.estimate(model, f"ethos-u55-{size}") for size in (32, 256))
    assert small.cycles > large.cycles > 0
    assert small.milliseconds == pytest.approx(small.cycles / 500e6 * 1e3, rel=0.01)
    assert 0 < small.sram_bytes < 100_000
    assert 50_000 < small.flash_bytes < 110_000
    # The mean is a convolution to Vela.
    assert sum(row["macs"] for row in small.layers) == pytest.approx(macs, rel=0.02)
    assert small.left == {}


@installed
def test_a_float_model_stays_on_the_cpu_with_velas_reasons(float_model):
    found = targets.get("ethos_u55").check(graph(float_model))
    assert not found.passed
    assert any("unsupported DataType Float32" in operator.reason for operator in found.away)
    assert all(operator.placement == "cpu" for operator in found.away)


def test_packed_weights_never_reach_vela(model, monkeypatch):
    monkeypatch.setattr(vela, "find", lambda: pytest.fail("Vela was asked"))
    whole = graph(model)
    first = whole.operators[0]
    packed = dataclasses.replace(first.inputs[1], type="INT4")
    operators = (dataclasses.replace(first, inputs=(first.inputs[0], packed, first.inputs[2])), *whole.operators[1:])
    found = targets.get("ethos_u55").check(dataclasses.replace(whole, operators=operators))
    assert [operator.index for operator in found.away] == [0]
    assert found.away[0].remedy == "export with --storage int8"


def test_without_vela_types_decide(model, float_model, monkeypatch):
    monkeypatch.setattr(vela, "find", lambda: None)
    found = targets.get("ethos_u55").check(graph(model))
    assert found.passed
    assert "pip install" in found.notes[0]
    assert not targets.get("ethos_u55").check(graph(float_model)).passed
    with pytest.raises(UsageError, match="no vela"):
        vela.estimate(model, "ethos-u55-128")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("kill -8 $$", "crashed \\(signal 8\\)"),
        ("echo no such thing >&2; exit 3", "ended with code 3: no such thing"),
        ("exit 0", "isn't understood"),
        ("sleep 20", "timed out"),
    ],
)
def test_a_vela_that_fails_is_said(model, tmp_path, monkeypatch, script, message):
    program = tmp_path / "vela"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(vela, "find", lambda: str(program))
    monkeypatch.setattr(vela, "_SECONDS", 0.5)
    with pytest.raises(ExportError, match=message):
        vela.estimate(model, "ethos-u55-128")


def test_unknown_configurations_are_refused():
    with pytest.raises(UsageError, match="macs = 7"):
        targets.get({"name": "ethos_u55", "macs": 7})
