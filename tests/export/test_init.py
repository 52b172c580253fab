"""A run in, a proven integer model out."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from tfqnoise import Run, assembly
from tfqnoise.errors import ExportError, RunError, UsageError
from tfqnoise.export import export
from tfqnoise.export.inspect import inspect
from tfqnoise.training.train import train


def test_the_model_is_fully_integer_and_proven(trained):
    report = trained.read_json("export/report.json")
    assert report["passed"]
    assert report["problems"] == []
    assert report["operators"] == {"ADD": 3, "CONV_2D": 9, "FULLY_CONNECTED": 1, "MEAN": 1}
    assert (report["input_dtype"], report["output_dtype"]) == ("int8", "int8")
    assert report["float_tensors"] == []
    assert report["input_shape"] == [1, 8, 8, 1]
    assert report["input_quantization"] == [pytest.approx(1 / 255), -128]
    assert report["class_names"] == list("0123456789")
    assert (report["epoch"], report["epochs"]) == (6, 6)
    assert report["bytes"] == (trained.path / "export" / "model.tflite").stat().st_size < 100_000
    assert report["gzip_bytes"] < report["bytes"]
    assert report["examples"] == 342
    assert report["top1_agreement"] >= 0.995
    assert report["max_output_step_difference"] <= 2
    assert report["accuracy_keras"] == trained.read_json("summary.json")["test_accuracy_last"]
    assert report["accuracy_tflite"] > 0.9


def test_uint8_takes_pixels_as_they_are(trained, silent):
    kept = {p.name: p.read_bytes() for p in (trained.path / "export").iterdir()}
    try:
        report = export(trained, io="uint8", examples=50, report=silent)
        assert report["input_dtype"] == report["output_dtype"] == "uint8"
        assert report["operators"]["QUANTIZE"] == 2
        assert report["examples"] == 50
        assert report["passed"]
    finally:
        for name, content in kept.items():
            trained.write_bytes(f"export/{name}", content)


@pytest.mark.parametrize("settings", [{"io": "float32"}, {"examples": 0}])
def test_arguments_out_of_limits_are_refused(trained, settings):
    with pytest.raises(UsageError):
        export(trained, **settings)


def test_an_unfinished_run_is_exported_with_a_word_about_it(copy):
    arrays = copy.read_arrays("weights.npz")
    copy.write_arrays("weights.npz", {**arrays, "epoch": np.array(3)})
    said = []
    report = export(copy, report=said.append)
    assert "epoch 3 of 6: the run is not finished" in said[0]
    assert report["epoch"] == 3


@pytest.fixture
def copy(trained, tmp_path):
    """A copy of the trained run, to damage."""
    run = Run.create(trained.recipe, tmp_path / "copy")
    for name in ("weights.npz", "metrics.jsonl"):
        run.write_bytes(name, (trained.path / name).read_bytes())
    return run


def test_a_run_that_can_not_be_written_is_refused_before_anything_is_converted(trained, tmp_path):
    run = Run.create(trained.recipe, tmp_path / "run")
    run.write_bytes("export", b"a file")
    with pytest.raises(RunError, match="export can't be written: Not a directory"):
        export(run)


def test_a_run_without_an_epoch_says_so(trained, tmp_path):
    with pytest.raises(RunError, match=r"weights\.npz is missing"):
        export(Run.create(trained.recipe, tmp_path / "empty"))


def test_damaged_weights_are_named(copy):
    content = (copy.path / "weights.npz").read_bytes()
    (copy.path / "weights.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(RunError, match=r"weights\.npz can't be read"):
        export(copy)


def test_a_model_that_answers_otherwise_is_refused_by_its_first_layer(copy, silent, monkeypatch):
    """The exported network gets another scale in the middle, as a faulty converter might write it."""
    from tfqnoise.export import convert

    original = convert.integer

    def faulty(network, input_shape, io):
        variable = network.get_layer("quant_stage2_block1_relu")._output_quantizer_vars["max"]
        kept = variable.numpy()
        variable.assign(kept * 0.1)
        try:
            return original(network, input_shape, io)
        finally:
            variable.assign(kept)

    monkeypatch.setattr(convert, "integer", faulty)
    with pytest.raises(ExportError) as caught:
        export(copy, report=silent)
    assert "the first layer that diverges is stage2_block1_relu" in str(caught.value)
    assert caught.value.expected == "the trained network's answer on 99.5% of the pictures"
    assert caught.value.remedy.startswith("train on (")
    assert "earlier" not in str(caught.value)
    report = copy.read_json("export/rejected.json")
    assert not report["passed"]
    assert report["top1_agreement"] < 0.995
    assert sorted(p.name for p in (copy.path / "export").iterdir()) == ["rejected.json", "rejected.tflite"]


def test_what_an_earlier_export_left_stays_when_a_later_one_is_refused(copy, silent, monkeypatch):
    export(copy, target="microcontroller", examples=20, report=silent)
    folder = copy.path / "export"
    earlier = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(earlier) == ["labels.txt", "model.h", "model.tflite", "model_float.tflite", "report.json"]
    with pytest.raises(ExportError) as caught:
        export(copy, target="browser", io="int8", examples=20, report=silent)
    assert f"(kept as {folder / 'rejected.tflite'}; the earlier model.tflite stays)" in str(caught.value)
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused = found.pop("rejected.tflite")
    proof = json.loads(found.pop("rejected.json"))
    assert found == earlier
    assert (proof["passed"], proof["sha256"]) == (False, hashlib.sha256(refused).hexdigest())
    # An export that breaks off leaves both, whole.
    with monkeypatch.context() as broken:
        broken.setattr("tfqnoise.export.convert.floating", None)
        with pytest.raises(TypeError):
            export(copy, examples=20, report=silent)
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(kept) == {*earlier, "rejected.tflite", "rejected.json"}
    assert earlier.items() <= kept.items()
    said = []
    export(copy, storage="int4", examples=20, report=said.append)
    assert {path.name for path in folder.iterdir()} == set(earlier) - {"model.h"}
    assert "--storage int4: 0 of 10 kernels fit into 4 bits" in said[-1]


def test_single_steps_that_add_up_are_no_fault(copy, monkeypatch):
    """Where a network answers otherwise than its file, but no layer does by itself, the file is kept, and said so."""
    said = []
    monkeypatch.setattr("tfqnoise.export.LEAST_AGREEMENT", 1.1)
    result = export(copy, report=said.append)
    assert result["passed"]
    assert {"stem_relu", "pool", "logits"} <= {row["layer"] for row in result["layers"]}
    assert "WARNING" in "".join(said)
    monkeypatch.setattr("tfqnoise.export.LEAST_ADDED_UP", 1.1)
    with pytest.raises(ExportError, match="no layer by itself diverges: single steps add up"):
        export(copy, report=said.append)


def test_a_float_run_has_no_ranges_to_export(copy, silent, tmp_path):
    recipe = dataclasses.replace(copy.recipe, bits=32, epochs=1, steps_per_epoch=1, width=0.25)
    with pytest.raises(UsageError, match="is float: --bits 32"):
        export(train(recipe, tmp_path / "float", report=silent), report=silent)


def test_the_float_model_is_the_same_network(trained):
    from tfqnoise.export.interpreter import Interpreter
    from tfqnoise.export.restore import restore

    content = (trained.path / "export" / "model_float.tflite").read_bytes()
    assert inspect(content).input_dtype == "float32"
    restored = restore(trained)
    answers = Interpreter(content)(restored.test.images)
    assert np.mean(np.argmax(answers, axis=1) == restored.test.labels) > 0.9
    weights = assembly.arrays_of(restored.float_network().weights, "network")
    assert "network/0000/stem/kernel" in weights
