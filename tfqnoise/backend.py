"""The one place that chooses legacy Keras and hands out `tf` and `keras`.

TF-MOT works on Keras 2 (the `tf_keras` package) only, and TensorFlow decides on first import which Keras
it carries. So the choice is made here, when tfqnoise is imported, and checked when `tf` is first used:

    from tfqnoise.backend import keras, tf
"""

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from tfqnoise.errors import BackendError

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow switches oneDNN on by itself only for processors with AVX512-VNNI or newer. With plain AVX2 a
# ResNet-8 training step was measured 1.7 times faster with it (its convolution gradients are the reason).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

_REMEDY = (
    "import tfqnoise before tensorflow, or set the environment variable TF_USE_LEGACY_KERAS=1 before Python starts"
)
# How many devices TensorFlow is to have once it is loaded.
_reserved = 1


def reserve(devices: int) -> None:
    """Sees to it that TensorFlow will have so many devices of one kind; to be called before it is first used.

    Where there are fewer GPUs the processor is taken for so many devices. TensorFlow can't be given any once it has
    begun; then this changes nothing.

    Args:
        devices: as many as there will be replicas (`--replicas`).
    """
    global _reserved
    _reserved = max(_reserved, devices)


def _divide(tf: Any) -> None:
    if len(tf.config.list_physical_devices("GPU")) < _reserved:
        processor = tf.config.list_physical_devices("CPU")[0]
        # TensorFlow has begun already where somebody has used it before; what needs the devices misses them then.
        with contextlib.suppress(RuntimeError):
            tf.config.set_logical_device_configuration(
                processor, [tf.config.LogicalDeviceConfiguration()] * _reserved
            )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps what native code logs off the terminal, past Python's own streams; an error shows it."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as log:
        kept = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(kept, log.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _load() -> tuple[Any, Any]:
    if os.environ["TF_USE_LEGACY_KERAS"] not in ("1", "true", "True"):
        raise BackendError(
            f"TF_USE_LEGACY_KERAS={os.environ['TF_USE_LEGACY_KERAS']} in the environment",
            "TF_USE_LEGACY_KERAS=1, because TensorFlow Model Optimization needs legacy Keras 2",
            "unset the variable or set it to 1",
        )
    with quiet():
        tf = importlib.import_module("tensorflow")
        if _reserved > 1:
            _divide(tf)
        # The first operation looks for accelerators, which is as loud as the import.
        tf.constant(0)
        tf.get_logger().setLevel("ERROR")
    # Keras 3 has a version here; the module of legacy Keras has none.
    if hasattr(tf.keras, "version"):
        raise BackendError(
            f"TensorFlow was already loaded with Keras {tf.keras.version()} as tf.keras",
            "legacy Keras 2 (tf_keras), because TensorFlow Model Optimization needs it",
            _REMEDY,
        )
    return tf, importlib.import_module("tf_keras")


def __getattr__(name: str) -> Any:
    if name not in ("tf", "keras"):
        raise AttributeError(f"module 'tfqnoise.backend' has no attribute {name!r}")
    tf, keras = _load()
    globals().update(tf=tf, keras=keras)
    return globals()[name]


def require_legacy(model: Any) -> Any:
    """Returns `model` if it is a legacy Keras model.

    Raises:
        BackendError: for a Keras-3 model or anything else, with the way to build it right.
    """
    keras: Any = __getattr__("keras")
    if isinstance(model, keras.Model):
        return model
    origin = type(model).__module__.split(".")[0]
    keras3 = sys.modules.get("keras")
    if keras3 is not None and isinstance(model, getattr(keras3, "Model", ())):
        raise BackendError(
            f"a Keras {keras3.__version__} model ({type(model).__name__} from package '{origin}')",
            "a legacy Keras 2 model, because TensorFlow Model Optimization needs it",
            "build it with `from tfqnoise.backend import keras` (or `import tf_keras as keras`)",
        )
    raise BackendError(
        f"{type(model).__name__} from package '{origin}'",
        "a legacy Keras model",
        "pass a tf_keras.Model, such as tfqnoise.networks.get('resnet8')(input_shape, classes)",
    )
