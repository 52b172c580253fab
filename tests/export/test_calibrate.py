import dataclasses

import pytest

from tfqnoise import Recipe, assembly
from tfqnoise.cli import run_command
from tfqnoise.data import dataset as data
from tfqnoise.errors import UsageError
from tfqnoise.export import export
from tfqnoise.export.calibrate import Calibration, calibrate
from tfqnoise.export.inspect import inspect
from tfqnoise.training.train import train


@pytest.fixture(scope="module")
def in_float(tmp_path_factory):
    recipe = Recipe(bits=32, epochs=6, batch_size=32, seed=1)
    return train(recipe, tmp_path_factory.mktemp("float") / "run", report=lambda text: None)


@pytest.mark.parametrize(
    ("bits", "quantizer", "least"), [(8, "uniform", 0.02), pytest.param(4, "lsq", 0.2, marks=pytest.mark.slow)]
)
def test_a_float_run_becomes_an_integer_model_without_training(in_float, silent, bits, quantizer, least):
    report = export(in_float, calibration=Calibration(256, bits, quantizer), report=silent)
    assert report["passed"]
    assert report["calibration"]["pictures"] == 256
    assert report["input_quantization"] == [pytest.approx(1 / 255), -128]
    assert report["float_tensors"] == []
    floating = in_float.read_json("summary.json")["test_accuracy_last"]
    assert report["accuracy_tflite"] > floating - least
    again = export(in_float, calibration=Calibration(256, bits, quantizer), report=silent)
    # Names of tensors differ within a process; what they hold doesn't.
    assert [again[key] for key in ("tensors", "accuracy_tflite", "calibration")] == [
        report[key] for key in ("tensors", "accuracy_tflite", "calibration")
    ]
    weights = {tensor["type"] for tensor in report["tensors"]}
    assert ("INT4" in weights) == (bits == 4)


def test_what_it_is_not_for(in_float, trained, capsys):
    assert run_command("export", [str(trained.path), "--calibrate", "64"]) == 2
    assert "was trained with 8 bits" in capsys.readouterr().err
    assert run_command("export", [str(in_float.path)]) == 2
    assert "--calibrate 512" in capsys.readouterr().err
    assert run_command("export", [str(in_float.path), "--calibrate", "3"]) == 2
    assert "at least 16 pictures" in capsys.readouterr().err
    network = assembly.build(in_float.recipe, (8, 8, 1), 10)
    sparse = dataclasses.replace(in_float.recipe, sparsity=0.5)
    with pytest.raises(UsageError, match="--sparsity"):
        calibrate(sparse, network, data.load(in_float.recipe).train, Calibration(64))


def test_the_command_line_calibrates(in_float, capsys):
    assert run_command("export", [str(in_float.path), "--calibrate", "64", "--examples", "50"]) == 0
    assert "agrees with the calibrated network" in capsys.readouterr().out
    assert inspect((in_float.path / "export" / "model.tflite").read_bytes()).input_dtype == "int8"
