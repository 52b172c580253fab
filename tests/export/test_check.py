import dataclasses
import json
import shutil

import pytest

from tfqnoise import Recipe
from tfqnoise.cli import run_command
from tfqnoise.export import export
from tfqnoise.export.check import check, check_recipe
from tfqnoise.run import Run


def test_json_names_every_operator(trained, capsys):
    model = trained.path / "export" / "model.tflite"
    assert run_command("check", [str(model), "--target", "edgetpu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["operators"]) == 14
    assert {"index", "name", "placement", "reason"} <= set(found["operators"][0])
    assert {operator["placement"] for operator in found["operators"]} == {"edgetpu"}
    assert found["passed"]


def test_a_run_stands_for_its_exported_model(trained, capsys):
    assert run_command("check", [str(trained.path), "--target", "edgetpu", "--strict"]) == 0
    assert "14 of 14 operators" in capsys.readouterr().out


def test_a_network_is_checked_before_it_is_trained(tmp_path):
    recipe = Recipe(width=0.25)
    Run(tmp_path).write_json("recipe.json", recipe.to_dict())
    assert check(tmp_path / "recipe.json", "edgetpu").passed
    float_one = Recipe(width=0.25, bits=32)
    Run(tmp_path).write_json("float.json", float_one.to_dict())
    assert run_command("check", [str(tmp_path / "float.json"), "--target", "edgetpu"]) == 2


def test_filters_that_will_be_removed_take_no_room():
    target = '{"name": "microcontroller", "flash": 28}'
    recipe = Recipe(width=0.5)
    (problem,) = check_recipe(recipe, target).problems
    assert "bytes of flash" in problem
    assert check_recipe(dataclasses.replace(recipe, pruning_ratio=0.5, pruning_steps=2), target).passed


def test_training_for_a_target_that_would_refuse_ends_before_it_begins(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tfqnoise.export.edgetpu_operators.NEWEST", {})
    monkeypatch.setattr("tfqnoise.export.targets.edgetpu.NEWEST", {})
    flags = ["--width", "0.25", "--target", "edgetpu", "--run-dir", str(tmp_path / "run")]
    assert run_command("train", flags) == 2
    error = capsys.readouterr().err
    assert "the model doesn't fit edgetpu" in error
    assert "Operation not supported" in error
    assert not (tmp_path / "run").exists()


def test_export_takes_borders_and_storage_from_the_target(trained, tmp_path, silent):
    run = Run.open(shutil.copytree(trained.path, tmp_path / "run"))
    result = export(run, target="browser", examples=50, report=silent)
    assert (result["input_dtype"], result["output_dtype"], result["storage"]) == ("uint8", "uint8", "int8")
    assert result["target"]["target"] == "browser"
    assert result["target"]["passed"]


def test_a_model_that_breaks_a_rule_is_kept_apart(trained, tmp_path, capsys):
    run = Run.open(shutil.copytree(trained.path, tmp_path / "run"))
    assert run_command("export", [str(run.path), "--target", "browser", "--io", "int8", "--examples", "20"]) == 2
    error = capsys.readouterr().err
    assert "its borders are int8; export with --io uint8" in error
    assert "expected: every operator on browser\n  what to do: export with --io uint8; or choose another" in error
    assert (run.path / "export" / "rejected.tflite").exists()
    # What stands for the run is still the model that passed.
    capsys.readouterr()
    assert run_command("check", [str(run.path), "--target", "edgetpu", "--strict"]) == 0
    assert "14 of 14 operators" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "doesn't exist"),
        (lambda path: path.mkdir(), "is no file"),
        (lambda path: path.write_bytes(b""), "no TFLite model"),
        (lambda path: path.write_bytes(b"PK\x03\x04" + b"0" * 90), "lack the mark TFL3"),
        (lambda path: path.open("wb").truncate(3 * 2**30), "3,221,225,472 bytes"),
    ],
)
def test_what_is_no_model_gives_one_message(tmp_path, capsys, make, message):
    make(tmp_path / "model.tflite")
    assert run_command("check", [str(tmp_path / "model.tflite")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_misspelt_target_is_offered_the_right_one(trained, capsys):
    assert run_command("check", [str(trained.path), "--target", "edgetpuu"]) == 2
    assert "did you mean 'edgetpu'" in capsys.readouterr().err
