import numpy as np
import pytest

from tfqnoise.errors import ExportError
from tfqnoise.export.inspect import Contents, inspect, problems, with_all_outputs
from tfqnoise.export.interpreter import Interpreter


def _contents(**changes):
    plain = {
        "operators": {"CONV_2D": 2},
        "float_tensors": [],
        "input_dtype": "int8",
        "output_dtype": "int8",
        "input_shape": [1, 8, 8, 1],
    }
    return Contents(**{**plain, **changes})


def test_problems_are_said_in_words():
    assert problems(_contents(), "int8") == []
    assert "2 QUANTIZE" in problems(_contents(operators={"QUANTIZE": 2}), "int8")[0]
    uint8 = {"input_dtype": "uint8", "output_dtype": "uint8"}
    assert problems(_contents(operators={"QUANTIZE": 2}, **uint8), "uint8") == []
    assert "3 QUANTIZE" in problems(_contents(operators={"QUANTIZE": 3}, **uint8), "uint8")[0]
    assert "1 DEQUANTIZE" in problems(_contents(operators={"DEQUANTIZE": 1}), "int8")[0]
    assert "such as a, b, c" in problems(_contents(float_tensors=list("abcd")), "int8")[0]
    assert "not int8" in problems(_contents(**uint8), "int8")[0]
    assert "batch is -1" in problems(_contents(input_shape=[-1, 8, 8, 1]), "int8")[0]


def test_a_float_model_is_seen_as_one(trained):
    contents = inspect((trained.path / "export" / "model_float.tflite").read_bytes())
    assert contents.float_tensors
    assert contents.input_dtype == "float32"


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 100, b"\x1c\0\0\0TFL3" + b"\xff" * 60])
def test_bytes_that_are_no_model_are_refused(content):
    with pytest.raises(ExportError):
        inspect(content)


def test_all_outputs_show_what_the_model_computes(trained):
    content = (trained.path / "export" / "model.tflite").read_bytes()
    one, all_outputs = Interpreter(content), Interpreter(with_all_outputs(content))
    assert len(all_outputs.outputs) == 14
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    for picture in all_outputs.prepare(images):
        all_outputs.set_input(picture[None])
        all_outputs.invoke()
        one.set_input(picture[None])
        one.invoke()
        np.testing.assert_array_equal(all_outputs.output(13), one.output())
