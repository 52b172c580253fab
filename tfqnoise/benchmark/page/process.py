"""Ending programs that were started."""

import contextlib
import os
import signal
import subprocess

_GRACE_SECONDS = 5


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a program with all that it has started itself.

    Args:
        process: started with `start_new_session=True`; may have ended already.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
