"""The exported model in a browser: LiteRT.js in headless Chromium."""

import queue
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfqnoise import benchmark
from tfqnoise.benchmark import page
from tfqnoise.benchmark.page import chromium, result
from tfqnoise.benchmark.page.server import Server
from tfqnoise.errors import DeviceError
from tfqnoise.export.subject import Subject

_SECONDS = 300
_LOOK_SECONDS = 0.1


@benchmark.register(reference="LiteRT.js (npm @litertjs/core)")
def browser(
    subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None]
) -> dict[str, Any]:
    """LiteRT.js in headless Chromium: outputs compared with Python's bit by bit, latency with one thread and all.

    The page that does it stays in `benchmark/browser/`; `tfqnoise serve RUN` opens it to phones.
    """
    run = subject.whole_run("--target browser")
    files = page.write(run, report)
    facts = page.facts(run)
    executable = chromium.find()
    if executable is None:
        raise DeviceError(
            f"no {' or '.join(chromium.NAMES)} is on the PATH",
            "Chromium, to open the page without anybody looking",
            "install it, or open the page in any browser, also a phone's: tfqnoise serve "
            + shlex.quote(str(run.path)),
        )
    handed: queue.Queue[dict[str, Any] | result.PageError] = queue.Queue()

    def take(posted: dict[str, Any]) -> None:
        try:
            handed.put(result.checked(posted, facts))
        except result.PageError as failed:
            handed.put(failed)

    with Server("127.0.0.1", 0, files, take) as server:
        threading.Thread(target=server.serve_forever, args=(_LOOK_SECONDS,), daemon=True).start()
        try:
            asked = f"?repetitions={repetitions}" if repetitions else ""
            found = _opened(executable, f"http://127.0.0.1:{server.port}/{asked}", handed)
        finally:
            server.shutdown()
    report(result.table(found))
    # The browser is on this machine, of which more is known here.
    return found | {"machine": benchmark.machine()}


def _opened(
    executable: str, address: str, handed: "queue.Queue[dict[str, Any] | result.PageError]"
) -> dict[str, Any]:
    """Opens the page and returns what it hands back."""
    remedy = "open the page yourself to see what is wrong: tfqnoise serve RUN"
    deadline = time.monotonic() + _SECONDS
    with chromium.opened(executable, address) as process:
        while time.monotonic() < deadline:
            try:
                found = handed.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                code = process.exit_code
                if code is None:
                    continue
                raise DeviceError(
                    f"{executable} ended with exit code {code}: {process.last_words()}",
                    "a browser that opens the page",
                    remedy,
                ) from None
            if isinstance(found, result.PageError):
                raise DeviceError(f"the page failed: {found}", "a model that LiteRT.js runs", remedy)
            return found
        raise DeviceError(f"the page hasn't ended after {_SECONDS} seconds", "a result before", remedy)
