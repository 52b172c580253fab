"""Headless Chromium, opened on one page and ended again."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfqnoise.benchmark.page.process import end

NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    # Containers give /dev/shm little room.
    "--disable-dev-shm-usage",
    "--mute-audio",
    # No outside host is needed, so there is none.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def find() -> str | None:
    """Returns the path of a Chromium that is on the PATH, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextlib.contextmanager
def opened(executable: str, address: str) -> Iterator["Browser"]:
    """Opens an address in a browser with a profile of its own, and ends it in whatever way the block is left."""
    # What it is still writing as it ends may not keep the rest from being removed.
    with tempfile.TemporaryDirectory(prefix="tfqnoise-", ignore_cleanup_errors=True) as temporary:
        log = Path(temporary) / "log.txt"
        # Its sandbox doesn't work for root, and without it nobody else should run it.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [executable, *_FLAGS, *sandbox, f"--user-data-dir={temporary}/profile", address]
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        try:
            yield Browser(process, log)
        finally:
            end(process)


class Browser:
    """A browser that has been started."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self._log = process, log

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def last_words(self) -> str:
        """Returns the last lines that it wrote."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return "; ".join(lines[-3:]) or "it said nothing"
