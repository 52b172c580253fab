import shutil

from tfqnoise.cli import run_command
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
