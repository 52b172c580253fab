import dataclasses
from collections import Counter

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
    found = targets.get("ethos_u55").check(graph(float_model))
    assert not found.passed
    assert {operator.placement for operator in found.operators} == {"cpu"}
    with pytest.raises(UsageError, match="no vela"):
        vela.estimate(model, "ethos-u55-128")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("kill -8 $$", "crashed \\(signal 8\\)"),
        ("echo no such thing >&2; exit 3", "ended with code 3: no such thing"),
        ("exit 0", "isn't understood"),
        ("exec sleep 20", "stopped after 0.5 seconds"),
        ("echo a table; echo 'KeyError: 0' >&2; exit 1", "KeyError: 0"),
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


SUMMARY = {
    "system_config": "a", "memory_mode": "b", "core_clock": "5e8", "inference_time": "1e-3", "sram_memory_used": "2",
    "dram_memory_used": "3", "on_chip_flash_memory_used": "4", "off_chip_flash_memory_used": "5",
}  # fmt: skip
LAYER = {
    "Name": "n",
    "NNG Operator": "Add",
    "Target": "NPU",
    "Op Cycles": "6",
    "MAC Count": "7",
    "Staging Usage": "8",
}


@pytest.fixture
def writes(tmp_path, monkeypatch):
    """Puts a program in Vela's place that writes what it is told to."""

    def become(compiled, summary, layer):
        files = tmp_path / "files"
        files.mkdir(exist_ok=True)
        (files / "model_vela.tflite").write_bytes(compiled)
        for name, row in (("model_summary_a.csv", summary), ("model_per-layer.csv", layer)):
            (files / name).write_text(f"{','.join(row)}\n{','.join(filter(None, row.values()))}\n")
        program = tmp_path / "vela"
        program.write_text(f'#!/bin/sh\ncp {files}/* "$5"\n')
        program.chmod(0o755)
        monkeypatch.setattr(vela, "find", lambda: str(program))

    return become


def test_each_kind_of_memory_is_told_apart(model, writes):
    writes(model, SUMMARY, LAYER)
    found = vela.estimate(model, "ethos-u55-128")
    assert (found.sram_bytes, found.dram_bytes, found.flash_bytes) == (2048, 3072, 9 * 1024)
    assert found.line == "1.000 ms, 500,000 cycles, SRAM 2,048 bytes, DRAM 3,072 bytes, flash 9,216 bytes"
    # The file that this Vela hands back has nothing on the accelerator, whatever it says or doesn't.
    whole = targets.get("ethos_u55").check(graph(model))
    assert {operator.reason for operator in whole.operators} == {"left by Vela, which gives no reason"}


@pytest.mark.parametrize(
    ("summary", "layer"),
    [
        ({"inference_time": "inf"}, {}),
        ({"core_clock": "nan"}, {}),
        ({"sram_memory_used": "-1"}, {}),
        ({"off_chip_flash_memory_used": ""}, {}),
        ({"system_config": "x" * 200_000}, {}),
        ({}, {"Staging Usage": ""}),
        ({}, {"Op Cycles": "many"}),
    ],
)
def test_strange_figures_are_refused(model, writes, summary, layer):
    writes(model, SUMMARY | summary, LAYER | layer)
    with pytest.raises(ExportError, match="isn't understood"):
        vela.estimate(model, "ethos-u55-128")


def test_a_strange_model_is_refused(model, writes):
    writes(model[:1000], SUMMARY, LAYER)
    with pytest.raises(ExportError, match="isn't understood"):
        vela.estimate(model, "ethos-u55-128")


@installed
def test_what_vela_leaves_is_what_its_file_still_has(shared):
    """Of 157 operators of a real model, Vela leaves 29; their reasons are its own."""
    content = (shared / "peers" / "edgetpu_pairs" / "16_movenet_single_pose_lightning_ptq.tflite").read_bytes()
    found = targets.get("ethos_u55").check(graph(content))
    counts = Counter(operator.name for operator in found.away)
    assert counts == {"CAST": 5, "QUANTIZE": 7, "ARG_MAX": 2, "FLOOR_DIV": 2, "PACK": 2, "GATHER_ND": 4,
                      "DEQUANTIZE": 4, "SQRT": 1, "DIV": 1, "CONCATENATION": 1}  # fmt: skip
    assert not any("no reason" in operator.reason for operator in found.away)


@installed
@pytest.mark.slow
def test_an_arg_max_is_no_obstacle(shared):
    """Vela 5.2 can't list what it makes of one, so it isn't asked to."""
    content = (shared / "peers" / "edgetpu_pairs" / "09_deeplabv3_mnv2_dm05_pascal_quant.tflite").read_bytes()
    found = targets.get("ethos_u55").check(graph(content))
    assert [operator.name for operator in found.away] == ["RESIZE_BILINEAR"]


def test_unknown_configurations_are_refused():
    with pytest.raises(UsageError, match="macs = 7"):
        targets.get({"name": "ethos_u55", "macs": 7})
