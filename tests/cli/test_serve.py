import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from tfqnoise import Run
from tfqnoise.benchmark import page
from tfqnoise.cli import run_command

# A shell that starts something in the background tells it to ignore Ctrl-C.
START = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from tfqnoise.cli import run_command; sys.exit(run_command('serve', sys.argv[1:]))"
)


@pytest.fixture
def run(for_browsers, litert_stand_in, tmp_path, silent):
    run = Run(tmp_path / "run")
    shutil.copytree(for_browsers.path, run.path)
    page.write(run, silent)
    return run


def _result(facts):
    row = {"threads": 1, "p50_us": 10, "p90_us": 20, "p99_us": 30, "samples": 5, "calls_per_sample": 2}
    row |= {"bit_equal": facts["outputs"] - 1, "differing_values": 2}
    machine = {"processor": "arm", "cores": 8}
    rest = {"sha256": facts["sha256"], "user_agent": "Phone/1", "clock_step_us": 100, "machine": machine}
    return {"rows": [row], **rest}


def test_serve_gives_the_page_takes_a_result_and_ends_by_ctrl_c(run):
    command = [sys.executable, "-c", START, str(run.path), "--port", "0", "--host", "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            address = re.match(r"open (http://127\.0\.0\.1:\d+/) in a browser", process.stdout.readline()).group(1)
            with urllib.request.urlopen(address, timeout=10) as answer:
                assert b"page.js" in answer.read()
                assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
            with urllib.request.urlopen(f"{address}model.tflite", timeout=10) as answer:
                assert answer.read() == (run.path / "export" / "model.tflite").read_bytes()
            body = json.dumps(_result(page.facts(run))).encode()
            request = urllib.request.Request(f"{address}result", body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert answer.read() == b"taken"
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "31 of 32" in out
    assert out.endswith("stopped\n")
    assert not error
    kept = run.read_json("benchmark/browser.json")
    assert kept["user_agent"] == "Phone/1"
    assert kept["rows"][0]["p99_us"] == 30


def test_a_port_in_use_gives_one_message(run, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run_command("serve", [str(run.path), "--port", str(port), "--host", "127.0.0.1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"tfqnoise: port {port} is in use\n")
    assert error.count("\n") == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--port", "70000"], "--port 70000"), (["--host", "no.such.host.invalid"], "--host no.such.host.invalid")],
)
def test_where_it_cant_listen_gives_one_message(run, capsys, arguments, said):
    assert run_command("serve", [str(run.path), *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"tfqnoise: {said}")


def test_without_a_run_it_says_what_to_do(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run_command("serve", []) == 2
    assert "train first" in capsys.readouterr().err
