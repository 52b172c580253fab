from pathlib import Path

import numpy as np
import pytest

from tfqnoise.errors import ExportError
from tfqnoise.export.interpreter import Interpreter


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\0\0\0TFL3" + b"\0" * 50])
def test_what_is_no_model_is_refused(content, tmp_path):
    with pytest.raises(ExportError, match="can't be loaded"):
        Interpreter(content)
    path = tmp_path / "broken.tflite"
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"broken\.tflite can't be loaded"):
        Interpreter(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ExportError, match=r"no\.tflite can't be loaded"):
        Interpreter(Path(tmp_path / "no.tflite"))


def test_the_peer_reaches_its_known_accuracy(shared):
    """MLPerf Tiny's int8 ResNet-8 on CIFAR-10, known to have 86.97 % on the whole test set."""
    from tfqnoise.data import source as sources
    from tfqnoise.recipe import Recipe

    peer = Interpreter(shared / "peers" / "mlperf_tiny" / "mlperf_tiny_ic01_int8.tflite")
    test = sources.load(Recipe(dataset="cifar10", data_dir=str(shared / "data" / "tfds"))).test
    assert np.mean(np.argmax(peer(test.images), axis=1) == test.labels) == pytest.approx(0.8697, abs=5e-5)
