import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tfqnoise.cli import run_command
from tfqnoise.run import Run


def _zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.tflite", b"0" * 100)


HOSTILE = {
    "missing": (lambda path: None, "doesn't exist"),
    "directory": (lambda path: path.mkdir(), "is no file"),
    "pipe": (os.mkfifo, "is no file"),
    "loop": (lambda path: path.symlink_to(path), "can't be read"),
    "unreadable": (lambda path: path.symlink_to("/proc/self/mem"), "can't be read"),
    "empty": (lambda path: path.write_bytes(b""), "0 bytes that are no TFLite model"),
    "zip": (_zip, "they lack the mark TFL3"),
    "random": (lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)), "they lack the mark TFL3"),
    "marked": (
        lambda path: path.write_bytes(b"\x1c\0\0\0TFL3" + np.random.default_rng(0).bytes(5000)),
        "no TFLite model",
    ),
    "sparse": (lambda path: path.open("wb").truncate(3 * 2**30), "3,221,225,472 bytes"),
    "large": (lambda path: path.open("wb").truncate(2**31 - 1), "2,147,483,647 bytes that are no TFLite model"),
}


@pytest.fixture(params=HOSTILE)
def hostile(request, tmp_path):
    make, message = HOSTILE[request.param]
    make(tmp_path / "model.tflite")
    return tmp_path / "model.tflite", message


def _one_error(capsys, message):
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.err.count("\n") == 3
    assert said.out == ""


@pytest.mark.parametrize(
    "command", [["inspect"], ["inspect", "--json"], ["check"], ["check", "--target", "ethos_u55"]]
)
def test_what_is_no_model_gives_one_error(hostile, command, capsys):
    path, message = hostile
    assert run_command(command[0], [str(path), *command[1:]]) == 2
    _one_error(capsys, message)


def test_a_peer_that_is_no_model_gives_one_error(trained, hostile, capsys):
    path, message = hostile
    assert run_command("benchmark", [str(trained.path), "--peer", str(path), "--repetitions", "1"]) == 2
    _one_error(capsys, message)


def test_a_truncated_model_gives_one_error(trained, tmp_path, capsys):
    run = Run.open(shutil.copytree(trained.path, tmp_path / "run"))
    path = run.path / "export" / "model.tflite"
    path.write_bytes(path.read_bytes()[:-1000])
    for command in ("inspect", "check", "benchmark"):
        assert run_command(command, [str(run.path)]) == 2
        _one_error(capsys, "no TFLite model: it points to")


def test_permission_is_asked_for(trained, tmp_path, capsys, monkeypatch):
    def refused(self, mode):
        raise PermissionError(13, "Permission denied")

    path = Path(shutil.copy(trained.path / "export" / "model.tflite", tmp_path))
    # Whoever runs the tests as root may read everything.
    monkeypatch.setattr(Path, "open", refused)
    for command in ("inspect", "check"):
        assert run_command(command, [str(path)]) == 2
        _one_error(capsys, f"{path} can't be read: Permission denied")


def test_a_model_is_shown_as_text_and_json(trained, capsys):
    path = trained.path / "export" / "model.tflite"
    assert run_command("inspect", [str(trained.path)]) == 0
    text = capsys.readouterr().out.splitlines()
    assert len(text) == 18
    assert text[0].split()[:3] == ["0", "CONV_2D", "v3"]
    assert "int8[1, 8, 8, 1] -> int8[1, 8, 8, 16]  weights int8[16, 3, 3, 1]  padding=SAME strideW=1" in text[0]
    assert run_command("inspect", [str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [operator["name"] for operator in found["operators"]] == [line.split()[1] for line in text[:14]]
    assert found["sha256"] in text[-1]
