"""Serving the page to a phone, and keeping what it hands back."""

import threading
from collections.abc import Callable
from typing import Any

from tfqnoise import benchmark
from tfqnoise.benchmark import page
from tfqnoise.benchmark.page import result
from tfqnoise.benchmark.page.server import Server, local_address
from tfqnoise.errors import RunError
from tfqnoise.run import Run


def serve(run: Run, host: str = "0.0.0.0", port: int = 8000, report: Callable[[str], None] = print) -> None:
    """Serves the page of a run until Ctrl-C; each result is written to `benchmark/browser.json`.

    Args:
        run: the run, exported for the browser.
        host: IPv4 address to listen on.
        port: to listen on; 0 for any free one.
        report: takes each message.

    Raises:
        UsageError: if it can't listen there.
        RunError: if the run isn't exported.
        ExportError: if the model isn't one that browsers take.
        DeviceError: if LiteRT.js can't be had.
    """
    files = page.write(run, report)
    with Server(host, port, files, taker(run, page.facts(run), report)) as server:
        report(_where(local_address(host), server.port))
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            report("stopped")


def taker(run: Run, facts: dict[str, Any], report: Callable[[str], None]) -> Callable[[dict[str, Any]], None]:
    """Returns what a server is given to keep results with.

    Args:
        run: the run.
        facts: what the page was given.
        report: takes each message.
    """
    one_at_a_time = threading.Lock()

    def take(posted: dict[str, Any]) -> None:
        with one_at_a_time:
            try:
                found = result.checked(posted, facts)
                benchmark.keep(run, "browser", found)
            except result.PageError as failed:
                report(f"the page failed: {failed}")
            except RunError as error:
                report(str(error))
                raise ValueError(error.received) from error
            else:
                report(f"{result.table(found)}\nwritten to {run.path / 'benchmark' / 'browser.json'}")

    return take


def _where(address: str, port: int) -> str:
    """Returns how the page is opened."""
    if address.startswith("127."):
        return f"open http://{address}:{port}/ in a browser of this machine; Ctrl-C ends"
    return (
        f"open http://{address}:{port}/ in a browser, on a phone in the same network too; Ctrl-C ends\n"
        "browsers give threads to pages from localhost or by https alone. On an Android phone on a cable: "
        f"adb reverse tcp:{port} tcp:{port}, then open http://localhost:{port}/ there"
    )
