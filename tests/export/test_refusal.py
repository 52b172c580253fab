import json

import pytest

from tfqnoise import Recipe, Run
from tfqnoise.export import refusal
from tfqnoise.export.targets import Check, Placement


@pytest.fixture
def run(tmp_path):
    return Run.create(Recipe(), tmp_path / "run")


def _unfit():
    placements = (
        Placement(0, "CONV_2D", "cpu", "Operation version not supported", "export with --storage int8"),
        Placement(1, "CONV_2D", "cpu", "Operation version not supported", "export with --storage int8"),
        Placement(2, "MEAN", "edgetpu", "Mapped"),
    )
    return refusal.unfit(Check("edgetpu", placements, ("its borders are float32; export with --io int8",)))


def test_the_advice_is_about_what_is_wrong(run):
    error = refusal.refused(run, b"model", {}, _unfit())
    assert error.expected == "every operator on edgetpu"
    assert error.remedy == "export with --storage int8; export with --io int8; or choose another --target"
    assert "its borders are float32" in error.received
    assert "train on" not in str(error)


def test_several_reasons_have_several_pieces_of_advice_each_once(run):
    faults = [
        *refusal.not_integer(["it has 1 QUANTIZE operators", "2 tensors are float"], allow_float=True),
        refusal.disagrees("it agrees on 10% of 9 pictures", 0.995),
        refusal.repacked(),
        *refusal.broken(["stem has 20 values, not 16"]),
    ]
    error = refusal.refused(run, b"model", {}, faults)
    assert error.expected.split("; ") == [
        "integers only",
        "the trained network's answer on 99.5% of the pictures",
        "the weights that were trained",
        "the values and zeros that the recipe promises",
    ]
    assert error.remedy.startswith("train without --allow-float; train on (")
    assert error.remedy.count("; report a defect") == 1
    (fault,) = refusal.not_integer(["it has 1 QUANTIZE operators"], allow_float=False)
    assert fault.remedy == "report a defect"


def test_a_refused_model_lies_beside_the_earlier_one_until_one_passes(run):
    run.write_bytes("export/rejected.json", b"of a model refused before")
    error = refusal.refused(run, b"model", {"bytes": 5}, _unfit())
    assert error.received.endswith(f"(kept as {run.path / 'export' / 'rejected.tflite'})")
    assert json.loads((run.path / "export" / "rejected.json").read_text()) == {"bytes": 5, "passed": False}
    run.write_bytes("export/model.tflite", b"earlier")
    error = refusal.refused(run, b"another", {}, _unfit())
    assert error.received.endswith("rejected.tflite; the earlier model.tflite stays)")
    assert (run.path / "export" / "rejected.tflite").read_bytes() == b"another"
    refusal.forget(run)
    assert [path.name for path in (run.path / "export").iterdir()] == ["model.tflite"]
