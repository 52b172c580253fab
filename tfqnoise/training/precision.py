"""Arithmetic of convolutions while training."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError

_OPTION = "auto_mixed_precision_onednn_bfloat16"


def available(precision: str) -> bool:
    """Says whether the processor computes with a precision by itself."""
    return precision == "float32" or bool(_features() & {"avx512_bf16", "amx_bf16"})


def check(precision: str) -> None:
    """Refuses bfloat16 on a processor that would have to emulate it.

    Raises:
        UsageError: naming the processor features that are missing.
    """
    if not available(precision):
        raise UsageError(
            "--precision bfloat16 on a processor without bfloat16 arithmetic",
            "a processor with avx512_bf16 or amx_bf16",
            "train with --precision float32",
        )


@contextlib.contextmanager
def convolutions(precision: str) -> Iterator[None]:
    """Runs the graphs called inside with the given arithmetic.

    TensorFlow's graph optimizer casts convolutions and what lies between them; quantizers, batch-norm
    statistics, loss and weights stay float32.
    """
    before = tf.config.optimizer.get_experimental_options().get(_OPTION, False)
    tf.config.optimizer.set_experimental_options({_OPTION: precision == "bfloat16"})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_OPTION: before})


def _features() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return {word for line in lines if line.startswith("flags") for word in line.split()}
