import http.client
import json
import socket
import threading

import pytest

from tfqnoise.benchmark.page.server import MOST_BYTES, Server, local_address
from tfqnoise.errors import UsageError


@pytest.fixture
def server(tmp_path):
    (tmp_path / "page").mkdir()
    for name, content in (("index.html", b"<p>here"), ("page.js", b"1"), ("model.tflite", b"\0\1")):
        (tmp_path / "page" / name).write_bytes(content)
    (tmp_path / "secret.txt").write_text("secret")
    files = {f"/{path.name}": path for path in (tmp_path / "page").iterdir()}
    taken = []

    def take(result):
        if "wrong" in result:
            raise ValueError("it is wrong")
        if "defect" in result:
            raise KeyError("defect")
        taken.append(result)

    with Server("127.0.0.1", 0, files, take) as server:
        server.taken = taken
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def _ask(server, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def _raw(server, text):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


def _post(server, body, kind="application/json"):
    return _ask(server, "POST", "/result", body, {"Content-Type": kind})[:2]


def test_every_answer_isolates_the_page(server):
    for method, path in (("GET", "/"), ("GET", "/model.tflite"), ("GET", "/no"), ("POST", "/result")):
        _, _, headers = _ask(server, method, path)
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_files_come_with_their_types(server):
    assert _ask(server, "GET", "/")[:2] == (200, b"<p>here")
    assert _ask(server, "GET", "/page.js?x=1")[:2] == (200, b"1")
    types = [_ask(server, "GET", path)[2].get_content_type() for path in ("/", "/page.js", "/model.tflite")]
    assert types == ["text/html", "text/javascript", "application/octet-stream"]


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "//secret.txt",
        "/page/../../secret.txt",
        "/page.js/../../secret.txt",
        "/..\\secret.txt",
        "/page.js%00",
        "/./page.js",
        "../secret.txt",
        "//[",
        "http://127.0.0.1/page.js",
        "/.",
        "/..",
        "/page/",
        "/result",
        "*",
    ],
)
def test_there_is_no_way_out_and_no_listing(server, path):
    answer = _raw(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.0 404 ")
    assert b"secret" not in answer
    assert b"page.js" not in answer


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_other_methods_are_refused(server, method):
    # Without an answer to OPTIONS, another site's page can't post JSON either.
    assert _ask(server, method, "/page.js")[0] == 501


def test_a_file_that_is_gone_is_not_found(server):
    server.files["/page.js"].unlink()
    assert _ask(server, "GET", "/page.js")[0] == 404


def test_a_result_is_taken(server):
    assert _post(server, '{"a": [1, "ä"]}'.encode()) == (200, b"taken")
    assert server.taken == [{"a": [1, "ä"]}]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, b"refused"),
        (b"{", 400, b"refused"),
        (b"\xff\xfe{}", 400, b"refused"),
        (b"[1]", 400, b"not an object"),
        (b"null", 400, b"not an object"),
        (b'{"wrong": 1}', 400, b"it is wrong"),
        (b"[" * 60000, 400, b"refused"),
        (b'{"a": ' * 9000, 400, b"refused"),
        (b'{"a": ' + b"9" * 60000 + b"}", 400, b"refused"),
        (b'{"a": "' + b"x" * MOST_BYTES + b'"}', 413, b"65536"),
        (b"x" * (2 * 1024 * 1024), 413, b"65536"),
    ],
)
def test_wrong_json_is_refused(server, body, status, said):
    try:
        answer = _post(server, body)
    except ConnectionError:
        # Far too much isn't read to its end.
        assert len(body) > 1024 * 1024
    else:
        assert answer[0] == status
        assert said in answer[1]
    assert not server.taken
    assert _post(server, b'{"a": 1}')[0] == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_taken(server, kind):
    """These are the types that a page of another site may post without asking."""
    assert _post(server, b"{}", kind)[0] == 415
    assert not server.taken


@pytest.mark.parametrize(
    ("length", "status"),
    [(None, 411), ("-1", 411), ("x", 411), ("+2", 411), ("²", 411), ("9" * 5000, 413), ("99999999", 413)],
)
def test_a_wrong_length_is_refused(server, length, status):
    lines = ["POST /result HTTP/1.1", "Host: x", "Content-Type: application/json"]
    lines += [f"Content-Length: {length}"] if length else ["Transfer-Encoding: chunked"]
    answer = _raw(server, "\r\n".join([*lines, "", "{}"]).encode())
    assert answer.startswith(f"HTTP/1.0 {status} ".encode())
    assert not server.taken


@pytest.mark.parametrize("path", ["/", "/page.js", "/result/", "/../result", "/benchmark/browser.json"])
def test_only_one_path_writes(server, path):
    assert _ask(server, "POST", path, b"{}", {"Content-Type": "application/json"})[0] == 404
    assert not server.taken
    assert server.files["/page.js"].read_bytes() == b"1"


def test_a_defect_is_said_and_the_server_goes_on(server, capfd):
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        _post(server, b'{"defect": 1}')
    assert "KeyError" in capfd.readouterr().err
    assert _post(server, json.dumps({"a": 1}).encode())[0] == 200


def test_a_browser_that_goes_away_is_no_defect(server, capfd):
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(
                b"POST /result HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            )
            # Closed with a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert _ask(server, "GET", "/")[0] == 200
    assert not capfd.readouterr().err


def test_where_it_cant_listen_there_is_one_message(server):
    with pytest.raises(UsageError, match=f"port {server.port} is in use"):
        Server("127.0.0.1", server.port, {}, print)
    for port in (-1, 65536):
        with pytest.raises(UsageError, match=f"--port {port}"):
            Server("127.0.0.1", port, {}, print)
    for host in ("192.0.2.99", "no.such.host.invalid", "::1"):
        with pytest.raises(UsageError, match=f"--host {host}"):
            Server(host, 0, {}, print)


def test_the_address_to_open_is_never_the_one_that_means_all():
    assert local_address("127.0.0.1") == "127.0.0.1"
    found = local_address("0.0.0.0")
    assert found != "0.0.0.0"
    socket.inet_aton(found)
