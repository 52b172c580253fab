"""A server for one page: sends the files that it was given and takes one result. It knows no other path."""

import errno
import json
import socket
import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tfqnoise.errors import UsageError

MOST_BYTES = 64 * 1024
# What is too long is still read up to here, or the client would see a broken connection instead of the answer.
_MOST_READ = 1024 * 1024
_MOST_DIGITS = 15
_SECONDS = 30
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
}
_HEADERS = {
    # These two give the page threads, where it comes from localhost or by https.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    # The model of the run changes with the next export.
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    """Serves a page until `shutdown`.

    Args:
        host: IPv4 address or name to listen on.
        port: to listen on; 0 for any free one.
        files: by address such as "/page.js"; "/" is "/index.html".
        take: is given what is posted to "/result"; raises ValueError to refuse it. Called in a thread of the request.

    Raises:
        UsageError: if it can't listen there.
    """

    daemon_threads = True

    def __init__(
        self, host: str, port: int, files: Mapping[str, Path], take: Callable[[dict[str, Any]], None]
    ) -> None:
        self.files, self.take = dict(files), take
        if not 0 <= port <= 65535:
            raise UsageError(f"--port {port}", "0 (any free one) to 65535", "leave it out for 8000")
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise _refused(host, port, error) from error

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says what went wrong; a browser that goes away in the middle is no defect."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def local_address(host: str) -> str:
    """Returns the address at which a server that listens on `host` is reached from the local network."""
    if host not in ("", "0.0.0.0"):
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Of the addresses for documentation; it chooses a way there and sends nothing.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _refused(host: str, port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} is in use", "a free port", f"choose another: --port {port % 65535 + 1}")
    if error.errno in (errno.EACCES, errno.EPERM):
        return UsageError(f"port {port} may not be opened", "a port from 1024 on", "choose another: --port 8000")
    what = f"--host {host}: {error.strerror or error}"
    return UsageError(what, "an IPv4 address of this machine", "0.0.0.0 is all of them, 127.0.0.1 this machine alone")


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _SECONDS
    server_version, sys_version = "tfqnoise", ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        # Looked up, never put together: there is no way out of the page's files.
        file = self.server.files.get("/index.html" if path == "/" else path)
        if file is None:
            self._answer(404, "no such file")
            return
        try:
            content = file.read_bytes()
        except OSError:
            self._answer(404, "this file is gone")
            return
        self._answer(200, content, _TYPES.get(file.suffix, "application/octet-stream"))

    def do_POST(self) -> None:
        status, text = self._taken()
        self._answer(status, text)

    def _taken(self) -> tuple[int, str]:
        """Returns the status and what to say of a result that is posted."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return 411, "a Content-Length is needed"
        if len(length) > _MOST_DIGITS:
            return 413, f"at most {MOST_BYTES} bytes are taken"
        content = self.rfile.read(min(int(length), _MOST_READ))
        if self.path != "/result":
            return 404, "results go to /result"
        if int(length) > MOST_BYTES:
            return 413, f"{length} bytes; at most {MOST_BYTES} are taken"
        # Another site's page could send text from the user's browser, but not JSON without asking first.
        if self.headers.get_content_type() != "application/json":
            return 415, "results are application/json"
        try:
            result = json.loads(content)
            if not isinstance(result, dict):
                return 400, "not an object"
            self.server.take(result)
        except (ValueError, RecursionError) as error:
            return 400, f"refused: {error}"
        return 200, "taken"

    def _answer(self, status: int, content: bytes | str, kind: str = "text/plain; charset=utf-8") -> None:
        body = content.encode() if isinstance(content, str) else content
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Requests aren't worth a line each."""
