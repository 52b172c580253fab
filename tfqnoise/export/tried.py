"""The program that `child` starts: it runs models that may crash, each in a process of its own.

Reads a line of JSON and a model from its input, forks, lets the fork load the model and run it under limits (or
profile it), and writes a line of JSON with what became of it.
"""

import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tfqnoise.errors import TfqnoiseError
from tfqnoise.export.interpreter import Interpreter, delegate
from tfqnoise.export.profiler import profiled

_WARM_UP, _SECONDS = 10, 20.0


def answer(content: bytes, asked: dict[str, Any]) -> dict[str, Any]:
    """Returns what became of a model: its kernel or profile, or the error that it ended with."""
    # The program forks before any thread begins, so a fork costs a millisecond and leaves nothing behind.
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        os.close(reading)
        try:
            _limit(asked)
            os.write(writing, json.dumps(_run(content, asked)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    deadline = time.monotonic() + asked["seconds"]
    said, hung = b"", False
    try:
        while True:
            ready, _, _ = select.select([reading], [], [], max(0, deadline - time.monotonic()))
            hung = not ready
            part = os.read(reading, 2**16) if ready else b""
            if not part:
                break
            said += part
    finally:
        os.close(reading)
        if hung:
            os.kill(process, signal.SIGKILL)
        status = os.waitpid(process, 0)[1]
    if hung or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return {"hung": True}
    if os.WIFSIGNALED(status):
        return {"signal": signal.Signals(os.WTERMSIG(status)).name}
    return json.loads(said) if said else {"received": "it ended without a word"}


def _limit(asked: dict[str, Any]) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + asked["memory"]
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What hangs ends by itself even if nobody is left to end it.
    seconds = int(asked["seconds"] * asked["threads"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def _run(content: bytes, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        if "profile" in asked:
            table, runs = profiled(content, asked["threads"], asked["kernels"], asked["profile"])
            return {"profile": table, "runs": runs}
        device = delegate(*asked["delegate"]) if "delegate" in asked else None
        interpreter = Interpreter(content, asked["threads"], kernels=asked["kernels"], delegate=device)
        interpreter.set_random_input()
        interpreter.invoke()
        for number in range(len(interpreter.outputs)):
            interpreter.output(number)
        times = _timed(interpreter, asked.get("repetitions", 0))
    except TfqnoiseError as error:
        return {
            "kind": type(error).__name__,
            "received": error.received,
            "expected": error.expected,
            "remedy": error.remedy,
        }
    except MemoryError:
        return {"memory": True}
    except Exception as error:  # Whatever it is, the process that asked has to be told.
        return {"received": f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}"}
    return {"kernel": interpreter.kernel, "type": interpreter.input_type, "microseconds": times}


def _timed(interpreter: Interpreter, repetitions: int) -> list[float]:
    """Returns the microseconds of calls, as many as asked for or as there is time for."""
    times: list[float] = []
    for _ in range(_WARM_UP if repetitions else 0):
        interpreter.invoke()
    while len(times) < repetitions and sum(times) < _SECONDS * 1e6:
        began = time.perf_counter_ns()
        interpreter.invoke()
        times.append((time.perf_counter_ns() - began) / 1000)
    return times


def main(given: BinaryIO, told: BinaryIO) -> None:
    """Answers until the input ends."""
    # Loads what NumPy would load in each fork.
    np.random.default_rng(0)
    told.write(b"ready\n")
    told.flush()
    while line := given.readline():
        asked = json.loads(line)
        content = given.read(asked["bytes"])
        if len(content) < asked["bytes"]:
            return
        told.write(json.dumps(answer(content, asked)).encode() + b"\n")
        told.flush()


if __name__ == "__main__":
    # What native code prints mustn't get between the answers.
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    try:
        main(questions, answers)
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(0)
