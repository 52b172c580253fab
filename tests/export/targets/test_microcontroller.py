import dataclasses
import shutil

import pytest

from tfqnoise.cli import run_command
from tfqnoise.errors import ExportError
from tfqnoise.export import export, targets
from tfqnoise.export.graph import graph
from tfqnoise.run import Run


def test_flash_and_ram_are_weighed_against_boards(trained):
    model = graph((trained.path / "export" / "model.tflite").read_bytes())
    found = targets.get("microcontroller").check(model)
    assert found.passed
    assert f"flash {len(model.content):,} bytes" in found.notes[0]
    assert "Arduino Nano 33 BLE" in found.notes[1]
    small = targets.get({"name": "microcontroller", "flash": 64, "ram": 1}).check(model)
    assert [problem.split("of ")[1].split(",")[0] for problem in small.problems] == ["flash", "ram"]


def test_uint8_has_no_kernels(shared):
    """Of uint8, only QUANTIZE takes any: a model of older converters is refused layer by layer."""
    content = (shared / "peers" / "edgetpu_pairs" / "08_mobilenet_v1_0.25_128_quant.tflite").read_bytes()
    found = targets.get("microcontroller").check(graph(content))
    assert {operator.placement for operator in found.operators} == {"refused"}
    assert {operator.remedy for operator in found.operators} == {"export with --io int8"}


@pytest.mark.parametrize(
    ("name", "placement"), [("UNPACK", "microcontroller"), ("U", "refused"), ("TILE", "refused")]
)
def test_operators_are_those_of_the_resolver(trained, name, placement):
    whole = graph((trained.path / "export" / "model.tflite").read_bytes())
    add = next(operator for operator in whole.operators if operator.name == "ADD")
    changed = tuple(
        dataclasses.replace(operator, name=name) if operator is add else operator for operator in whole.operators
    )
    found = targets.get("microcontroller").check(dataclasses.replace(whole, operators=changed))
    assert found.operators[add.index].placement == placement


def test_the_header_is_written_and_goes_with_the_next_export(trained, tmp_path, silent, capsys):
    run = Run.open(shutil.copytree(trained.path, tmp_path / "run"))
    assert run_command("export", [str(run.path), "--target", "microcontroller", "--examples", "20"]) == 0
    assert "RAM at least" in capsys.readouterr().out
    text = (run.path / "export" / "model.h").read_text()
    content = (run.path / "export" / "model.tflite").read_bytes()
    assert f"tfqnoise_model_length = {len(content)};" in text
    assert "int8 = pixel - 128" in text
    export(run, examples=20, report=silent)
    assert not (run.path / "export" / "model.h").exists()


def test_a_refused_model_leaves_the_header_of_the_one_that_stays(trained, tmp_path, silent):
    run = Run.open(shutil.copytree(trained.path, tmp_path / "run"))
    (run.path / "export" / "model.h").write_text("of the model that stays")
    with pytest.raises(ExportError, match="microcontroller"):
        export(run, target="microcontroller", io="uint8", examples=20, report=silent)
    assert (run.path / "export" / "model.h").read_text() == "of the model that stays"
