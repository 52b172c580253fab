import subprocess
import sys

import pytest

from tfqnoise import backend
from tfqnoise.backend import keras
from tfqnoise.errors import BackendError


def _run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_import_is_quick_and_loads_no_tensorflow():
    code = (
        "import time, sys; t = time.perf_counter(); import tfqnoise; t = time.perf_counter() - t; "
        "print(t); assert 'tensorflow' not in sys.modules and 'numpy' not in sys.modules"
    )
    times = []
    for _ in range(5):
        done = _run(code)
        assert done.returncode == 0, done.stderr
        times.append(float(done.stdout))
    assert min(times) < 0.1


def test_keras_3_loaded_first_is_refused_with_the_remedy():
    done = _run(
        "import os; os.environ['TF_USE_LEGACY_KERAS'] = '0'\n"
        "import tensorflow as tf; tf.keras.layers\n"
        "del os.environ['TF_USE_LEGACY_KERAS']\n"
        "import tfqnoise\n"
        "try: tfqnoise.networks.get('resnet8')\n"
        "except tfqnoise.TfqnoiseError as error: print(error)"
    )
    assert "Keras 3" in done.stdout, done.stderr
    assert "import tfqnoise before tensorflow" in done.stdout


def test_tensorflow_loaded_first_is_fine_with_legacy_keras():
    done = _run(
        "import os; os.environ['TF_USE_LEGACY_KERAS'] = '1'\nimport tensorflow, tfqnoise\n"
        "print(tfqnoise.networks.get('resnet8')((8, 8, 1), 10).count_params())"
    )
    assert done.stdout.strip() == "78378", done.stderr


def test_a_keras_3_model_is_refused():
    keras3 = pytest.importorskip("keras")
    model = keras3.Sequential([keras3.layers.Input((3,)), keras3.layers.Dense(2)])
    with pytest.raises(BackendError, match="Keras 3"):
        backend.require_legacy(model)


def test_what_is_no_model_is_refused():
    with pytest.raises(BackendError, match="a legacy Keras model"):
        backend.require_legacy(3)
    model = keras.Sequential([keras.layers.Dense(2)])
    assert backend.require_legacy(model) is model


def test_an_error_shows_what_native_code_logged(capfd):
    import os

    with backend.quiet():
        os.write(2, b"chatter\n")
    assert capfd.readouterr().err == ""

    def fail():
        with backend.quiet():
            os.write(2, b"cause\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == "cause\n"


def test_devices_are_reserved_before_tensorflow_begins_or_not_at_all():
    done = _run(
        "from tfqnoise import backend\nbackend.reserve(3)\nbackend.reserve(1)\nfrom tfqnoise.backend import tf\n"
        "backend.reserve(5)\nprint(len(tf.config.list_logical_devices('CPU')))"
    )
    assert done.stdout.strip() == "3", done.stderr
