"""Running a model that may crash, hang or eat memory: in another process, which the caller survives."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tfqnoise.errors import DeviceError, ExportError
from tfqnoise.export.graph import graph

# A large model runs once in a second or two, and takes some hundreds of megabytes.
SECONDS = 60.0
MEMORY = 4 * 2**30
_START_SECONDS = 120.0
_EXPECTED = "a .tflite model that LiteRT can run"
_LIBRARY = "try another build of the library, made for a TensorFlow Lite as new as this LiteRT"
_REMEDY = "export it again; what LiteRT can't run here isn't loaded by tfqnoise"


class Child:
    """A process that runs models for this one; to be used in a `with` block.

    Args:
        seconds: that a model may take to load and run once.
        memory: bytes that it may take for that.
    """

    def __init__(self, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.seconds, self.memory = seconds, memory
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(self, name: str, content: bytes, threads: int = 1, *, kernels: str = "XNNPACK") -> str:
        """Verifies a model, then loads it there and runs it once on random values.

        Args:
            name: of the model, for messages.
            content: its file.
            threads: of the interpreter.
            kernels: as of `Interpreter`.

        Returns:
            The kernel that it ran in, as `Interpreter.kernel`.

        Raises:
            ExportError: if it is damaged, refused, crashes, hangs or takes too much memory.
        """
        return str(self._found(name, content, "kernel", threads=threads, kernels=kernels)["kernel"])

    def time(
        self, name: str, content: bytes, delegate: tuple[str, str, str], repetitions: int
    ) -> tuple[str, list[float]]:
        """Verifies a model, then times it there on a device.

        Args:
            name: of the model, for messages.
            content: its file.
            delegate: what `tfqnoise.export.interpreter.delegate` takes.
            repetitions: how often it is timed, or as often as 20 seconds allow.

        Returns:
            The type of its input, and the microseconds of each call.

        Raises:
            ExportError: as `run`.
            DeviceError: if the device can't be used.
        """
        asked = {"threads": 1, "kernels": "XNNPACK", "delegate": delegate, "repetitions": repetitions}
        found = self._found(name, content, "microseconds", **asked)
        return str(found["type"]), list(found["microseconds"])

    def profile(self, name: str, content: bytes, threads: int, kernels: str, repetitions: int) -> tuple[str, int]:
        """Verifies a model, then lets LiteRT profile it there.

        Args:
            name: of the model, for messages.
            content: its file.
            threads: of the kernels.
            kernels: as of `Interpreter`.
            repetitions: how often it runs at most.

        Returns:
            LiteRT's table, and how often the model ran.

        Raises:
            ExportError: as `run`, or if this LiteRT doesn't profile.
        """
        found = self._found(name, content, "profile", threads=threads, kernels=kernels, profile=repetitions)
        return str(found["profile"]), int(found["runs"])

    def _found(self, name: str, content: bytes, wanted: str, **asked: Any) -> dict[str, Any]:
        """Returns an answer that holds what is wanted."""
        try:
            graph(content)
        except ExportError as error:
            raise ExportError(f"{name}: {error.received}", error.expected, error.remedy) from error
        found = self._ask(content, asked)
        if wanted in found:
            return found
        kind = DeviceError if found.get("kind") == "DeviceError" else ExportError
        raise kind(
            f"{name}: {self._wrong(found)}",
            found.get("expected", _EXPECTED),
            found.get("remedy", _LIBRARY if "delegate" in asked else _REMEDY),
        )

    def _wrong(self, found: dict[str, Any]) -> str:
        if found.get("hung"):
            return f"LiteRT doesn't end with it within {self.seconds:g} seconds"
        if found.get("memory"):
            return f"LiteRT needs more than {self.memory:,} bytes of memory for it"
        return f"LiteRT crashes with it ({found['signal']})" if "signal" in found else str(found["received"])

    def _ask(self, content: bytes, asked: dict[str, Any]) -> dict[str, Any]:
        line = json.dumps({"bytes": len(content), "seconds": self.seconds, "memory": self.memory, **asked})
        process = self._started()
        assert process.stdin is not None
        try:
            process.stdin.write(line.encode() + b"\n" + content)
            process.stdin.flush()
        except BrokenPipeError:
            found = b""
        else:
            # It keeps the time itself; more than that is a hang of its own.
            found = self._line(process, self.seconds + _START_SECONDS)
        if not found:
            self._end()
            return {"received": "the process that runs models ended"}
        answer: dict[str, Any] = json.loads(found)
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None:
            return self._process
        paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        # A second thread of a library would make forking unsafe.
        settings = {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", "tfqnoise.export.tried"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **settings},
        )
        if self._line(self._process, _START_SECONDS) != b"ready\n":
            self._end()
            raise ExportError(
                "the process that runs models doesn't start",
                "a second Python beside this one",
                f"see what `{sys.executable} -m tfqnoise.export.tried` says",
            )
        return self._process

    def _line(self, process: subprocess.Popen[bytes], seconds: float) -> bytes:
        """Returns a line that it writes; nothing if it ends or stays silent."""
        assert process.stdout is not None
        said, deadline = b"", time.monotonic() + seconds
        while not said.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
            part = os.read(process.stdout.fileno(), 2**16) if ready else b""
            if not part:
                return b""
            said += part
        return said

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        process.wait()
