import os
from pathlib import Path

import pytest

from tfqnoise.cli import run_command
from tfqnoise.errors import ExportError, UsageError
from tfqnoise.export.emulate import emulate


@pytest.fixture
def root():
    named = os.environ.get("TFQNOISE_ARM64_ROOT")
    if not named:
        pytest.skip("needs TFQNOISE_ARM64_ROOT, a directory made by scripts/arm64_root.sh")
    return Path(named)


@pytest.mark.arm64
def test_the_model_is_the_same_on_arm64(trained, root, capsys):
    model = trained.path / "export" / "model.tflite"
    found = emulate(model, root, 200)
    assert (found.machine, found.differing, found.outputs) == ("aarch64", 0, 2000)
    assert run_command("emulate", [str(trained.path), "--root", str(root), "--pictures", "10"]) == 0
    assert "100 of 100 outputs for 10 random pictures are the same on aarch64" in capsys.readouterr().out


@pytest.mark.arm64
def test_what_fails_there_is_said(trained, root, tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text("raise SystemExit('out of order')")
    monkeypatch.setattr("tfqnoise.export.emulate._PROGRAM", tmp_path / "program.py")
    with pytest.raises(ExportError, match="ended with code 1: out of order"):
        emulate(trained.path / "export" / "model.tflite", root, 1)


def test_without_an_emulator_or_a_root_it_says_how_to_get_them(trained, tmp_path, monkeypatch):
    model = trained.path / "export" / "model.tflite"
    with pytest.raises(UsageError, match=r"arm64_root\.sh"):
        emulate(model, tmp_path)
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/python3.11").touch()
    (tmp_path / "qemu-aarch64-static").write_text("#!/bin/sh\nexit 139\n")
    (tmp_path / "qemu-aarch64-static").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="--pictures 0"):
        emulate(model, tmp_path, 0)
    with pytest.raises(ExportError, match="takes float32"):
        emulate(model.with_name("model_float.tflite"), tmp_path)
    with pytest.raises(ExportError, match="code 139"):
        emulate(model, tmp_path, 1)
