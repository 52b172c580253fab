import numpy as np
import pytest

from tfqnoise.errors import ExportError
from tfqnoise.export.interpreter import Interpreter
from tfqnoise.export.metadata import described, description


def test_a_model_says_what_it_is(trained):
    content = (trained.path / "export" / "model.tflite").read_bytes()
    facts = description(content)
    report = trained.read_json("export/report.json")
    assert facts["labels"] == list("0123456789")
    assert facts["recipe_hash"] == report["recipe_hash"]
    assert facts["accuracy"] == report["accuracy_tflite"]
    assert facts["input"] == "raw pixels, no normalisation: int8 = pixel - 128"
    assert facts["licence"] == "not stated"
    assert (trained.path / "export" / "labels.txt").read_text() == "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"


def test_what_it_says_changes_no_answer(trained):
    content = (trained.path / "export" / "model.tflite").read_bytes()
    other = described(content, {"labels": ["Zürich"], "licence": "CC BY 4.0"})
    assert description(other) == {"labels": ["Zürich"], "licence": "CC BY 4.0"}
    assert len(described(other, {})) < len(other)
    images = trained.read_json("export/report.json")["input_shape"][1:]
    picture = (np.arange(64).reshape(1, *images) * 3).astype("uint8")
    assert (Interpreter(content)(picture) == Interpreter(other)(picture)).all()


def test_other_models_say_nothing(trained):
    assert description((trained.path / "export" / "model_float.tflite").read_bytes()) == {}
    with pytest.raises(ExportError):
        description(b"no model")
