"""A device for tests: `fake_adb.py` started as a real process, with a folder for a device."""

import dataclasses
import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Phone:
    """What the fake adb tells, and what it noted."""

    home: Path

    @property
    def adb(self) -> str:
        return str(self.home / "adb")

    @property
    def left(self) -> list[Path]:
        return list((self.home / "device" / "tmp").iterdir())

    @property
    def calls(self) -> list[list[str]]:
        path = self.home / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def ended(self, path: Path) -> bool:
        """Whether the process whose number a file holds ends within some seconds, fetched by its parent or not."""
        for _ in range(50):
            try:
                stat = Path(f"/proc/{int(path.read_text())}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                return True
            if stat.rpartition(")")[2].split()[0] == "Z":
                return True
            time.sleep(0.1)
        return False

    def tell(self, log="with_quantiles.txt", devices="List of devices attached\nR58M\tdevice\n", **told) -> None:
        """Says what adb and benchmark_model answer from now on."""
        shutil.copyfile(HERE / "recorded" / log, self.home / "log")
        (self.home / "told.json").write_text(json.dumps({"devices": devices, **told}))

    def program(self, name: str, *lines: str) -> None:
        """Puts a program on the device."""
        path = self.home / "device" / "bin" / name
        path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
        path.chmod(0o755)


@pytest.fixture
def phone(tmp_path, monkeypatch) -> Phone:
    """An ARM64 phone that answers."""
    home = tmp_path / "fake_adb"
    for name in ("bin", "tmp"):
        (home / "device" / name).mkdir(parents=True)
    # Without site-packages it starts in a moment.
    (home / "adb").write_text(f"#!{sys.executable} -IS\n{(HERE / 'fake_adb.py').read_text()}")
    (home / "adb").chmod(0o755)
    monkeypatch.setenv("FAKE_ADB", str(home))
    monkeypatch.setenv("PATH", f"{home}:{os.environ['PATH']}")
    phone = Phone(home)
    phone.tell()
    phone.program("uname", "echo aarch64")
    phone.program("nproc", "echo 8")
    phone.program("taskset", "shift", 'exec "$@"')
    phone.program(
        "getprop",
        "echo '[ro.product.manufacturer]: [Google]'",
        "echo '[ro.product.model]: [Pixel 6]'",
        "echo '[ro.build.version.release]: [13]'",
        "echo '[ro.product.cpu.abilist]: [arm64-v8a,armeabi-v7a]'",
        "echo '[persist.sys.timezone]: [America/Los_Angeles]'",
        "echo '[]: []'",
        "echo '[malformed line without brackets'",
    )
    return phone
