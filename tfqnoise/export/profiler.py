"""LiteRT's own profile by operator, which its shared library makes and its Python doesn't offer.

The functions of that library are public, but the options are texts that nothing documents and that may change, so it
runs in the process of `tfqnoise.export.tried` alone, and all that isn't as expected is an error. What is made here is
left to the end of that process.
"""

import ctypes
import importlib.metadata
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise.errors import ExportError

_LIBRARY = "libLiteRt.so"
# Of the options of the runtime, and of the CPU.
_RUNTIME, _CPU = b"runtime_options_string", b"xnnpack"
_KERNELS = {"XNNPACK": "xnnpack", "built-in": "builtin", "reference": "reference"}
_ON_CPU, _WRITE = 1, 1
_FLOAT32, _UINT8, _INT8 = 1, 3, 9
_WARM_UP = 10
# Enough for a mean; its buffer for events is limited.
_SECONDS = 10.0

_Handle = ctypes.c_void_p
_Free = ctypes.CFUNCTYPE(None, _Handle)
_FIRST = ctypes.c_size_t(0)


class _Type(ctypes.Structure):
    """A tensor's type: of its elements, its rank (in the lowest 7 bits), sizes and strides."""

    _fields_ = [
        ("element", ctypes.c_int32),
        ("rank", ctypes.c_uint32),
        ("sizes", ctypes.c_int32 * 8),
        ("strides", ctypes.c_uint32 * 8),
    ]


def profiled(content: bytes, threads: int, kernels: str, repetitions: int) -> tuple[str, int]:
    """Runs a model and returns the table that LiteRT makes of its operators, and how often it ran.

    Args:
        content: the file.
        threads: of the kernels.
        kernels: as of `tfqnoise.export.interpreter.Interpreter`.
        repetitions: how often it is to run; it ends after ten seconds.

    Raises:
        ExportError: if this LiteRT makes no such table.
    """
    try:
        return _Profiler(content, threads, kernels).table(repetitions)
    except (AttributeError, OSError, ValueError) as error:
        raise ExportError(
            f"LiteRT {importlib.metadata.version('ai-edge-litert')} makes no profile by operator here: {error}",
            "one whose library profiles, as that of LiteRT 2.3 does",
            "leave --profile out, or profile on a device by --target android --profile",
        ) from error


class _Profiler:
    def __init__(self, content: bytes, threads: int, kernels: str) -> None:
        found = importlib.util.find_spec("ai_edge_litert")
        if found is None or found.origin is None:
            raise ValueError("it isn't installed")
        self._library = ctypes.CDLL(str(Path(found.origin).with_name(_LIBRARY)))
        self._kept: list[Any] = [content]
        self._environment = self._made("LiteRtCreateEnvironment", 0, None)
        size = ctypes.c_size_t(len(content))
        self._model = self._made("LiteRtCreateModelFromBuffer", self._environment, content, size)
        options = self._made("LiteRtCreateOptions")
        self._call("LiteRtSetOptionsHardwareAccelerators", options, _ON_CPU)
        self._set(options, _RUNTIME, "enable_profiling = true\n")
        self._set(options, _CPU, f'kernel_mode = "{_KERNELS[kernels]}"\nnum_threads = {threads}\n')
        self._compiled = self._made("LiteRtCreateCompiledModel", self._environment, self._model, options)
        self._profiler = self._made("LiteRtCompiledModelGetProfiler", self._compiled)
        if not self._profiler:
            raise ValueError("it has no profiler")

    def table(self, repetitions: int) -> tuple[str, int]:
        run = self._runner()
        for _ in range(_WARM_UP):
            run()
        self._call("LiteRtStartProfiler", self._profiler)
        runs, deadline = 0, time.monotonic() + _SECONDS
        while runs < repetitions and (runs == 0 or time.monotonic() < deadline):
            run()
            runs += 1
        self._call("LiteRtStopProfiler", self._profiler)
        text = ctypes.c_char_p()
        self._call("LiteRtGetProfileSummary", self._profiler, self._compiled, ctypes.byref(text))
        return (text.value or b"").decode(errors="replace"), runs

    def _runner(self) -> Callable[[], None]:
        signature = self._made("LiteRtGetModelSignature", self._model, _FIRST)
        given, made = (self._buffers(signature, kind) for kind in ("Input", "Output"))
        sizes = ctypes.c_size_t(len(given)), ctypes.c_size_t(len(made))
        return lambda: self._call("LiteRtRunCompiledModel", self._compiled, _FIRST, sizes[0], given, sizes[1], made)

    def _buffers(self, signature: Any, kind: str) -> Any:
        """Returns an array of the buffers of all inputs or outputs; inputs hold random values."""
        count = ctypes.c_size_t()
        self._call(f"LiteRtGetNumSignature{kind}s", signature, ctypes.byref(count))
        buffers = (_Handle * count.value)()
        for index in range(count.value):
            number = ctypes.c_size_t(index)
            tensor = self._made(f"LiteRtGetSignature{kind}TensorByIndex", signature, number)
            held = _Type()
            self._call("LiteRtGetRankedTensorType", tensor, ctypes.byref(held))
            needs = self._made(f"LiteRtGetCompiledModel{kind}BufferRequirements", self._compiled, _FIRST, number)
            buffer = self._made(
                "LiteRtCreateManagedTensorBufferFromRequirements", self._environment, ctypes.byref(held), needs
            )
            if kind == "Input":
                self._fill(buffer, held.element)
            buffers[index] = buffer.value
        return buffers

    def _fill(self, buffer: Any, element: int) -> None:
        size = ctypes.c_size_t()
        self._call("LiteRtGetTensorBufferPackedSize", buffer, ctypes.byref(size))
        random = np.random.default_rng(0)
        if element == _FLOAT32:
            values = random.random(size.value // 4, np.float32).tobytes()
        else:
            # Other integers may be places in a table.
            values = random.bytes(size.value) if element in (_UINT8, _INT8) else bytes(size.value)
        place = _Handle()
        self._call("LiteRtLockTensorBuffer", buffer, ctypes.byref(place), _WRITE)
        ctypes.memmove(place, values, len(values))
        self._call("LiteRtUnlockTensorBuffer", buffer)

    def _set(self, options: Any, name: bytes, text: str) -> None:
        # It wants to free what it is given, which stays Python's.
        value, free = ctypes.create_string_buffer(text.encode()), _Free(lambda _: None)
        self._kept += [value, free]
        self._call(
            "LiteRtAddOpaqueOptions",
            options,
            self._made("LiteRtCreateOpaqueOptions", name, ctypes.cast(value, _Handle), free),
        )

    def _made(self, name: str, *arguments: Any) -> Any:
        """Returns the handle that a function of the library writes to its last argument."""
        handle = _Handle()
        self._call(name, *arguments, ctypes.byref(handle))
        return handle

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            raise ValueError(f"{name} ends with status {status}")
