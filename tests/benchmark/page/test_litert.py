import json
import os
import re
import time
from pathlib import Path

import pytest

from tfqnoise import Run
from tfqnoise.benchmark.page import litert
from tfqnoise.errors import DeviceError

FILES = Path(litert.__file__).parent / "files"

NPM = """#!/bin/sh
echo "$@" >> "$CALLS"
for name in {names}; do
    mkdir -p "node_modules/$(dirname "$name")" && echo '{{"version": "{version}"}}' > "node_modules/$name"
done
"""


@pytest.fixture
def npm(monkeypatch, tmp_path):
    """Puts a script in the place of npm, and an empty cache; returns a function that writes the script."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    def write(text):
        path = tmp_path / "bin" / "npm"
        path.write_text(text)
        path.chmod(0o755)
        return tmp_path / "calls"

    return write


WORKING = NPM.format(names=" ".join(litert.FILES.values()), version=litert.VERSION)


def test_the_lockfile_names_the_public_registry_alone():
    lock = json.loads((FILES / "package-lock.json").read_text())
    wanted = json.loads((FILES / "package.json").read_text())["dependencies"]
    assert wanted == {litert.PACKAGE: litert.VERSION} == lock["packages"][""]["dependencies"]
    packages = {name: found for name, found in lock["packages"].items() if name}
    assert set(packages) == {"node_modules/@litertjs/core", "node_modules/@litertjs/wasm-utils"}
    for name, found in packages.items():
        package = name.removeprefix("node_modules/")
        file = f"{package.split('/')[1]}-{found['version']}.tgz"
        assert found["resolved"] == f"https://registry.npmjs.org/{package}/-/{file}"
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", found["integrity"])
        assert found["license"] == "Apache-2.0"
    for path in FILES.glob("package*.json"):
        assert set(re.findall(r"\w+://([^/\"]+)", path.read_text())) <= {"registry.npmjs.org"}


def test_npm_is_asked_once_and_runs_no_scripts(npm, tmp_path, silent):
    calls = npm(WORKING)
    first = litert.installed(silent)
    assert first == litert.installed(silent) == tmp_path / "cache" / "tfqnoise" / first.parent.name / "node_modules"
    assert calls.read_text().splitlines() == ["ci --ignore-scripts --no-audit --no-fund --loglevel=error"]
    assert (first.parent / "package-lock.json").read_bytes() == (FILES / "package-lock.json").read_bytes()
    # Nothing else is left there.
    assert [path.name for path in first.parent.parent.iterdir()] == [first.parent.name]


def test_a_damaged_cache_is_filled_again(npm, silent):
    calls = npm(WORKING)
    modules = litert.installed(silent)
    (modules / litert.FILES["litert/core.js"]).unlink()
    litert.installed(silent)
    assert (modules / litert.FILES["litert/core.js"]).is_file()
    assert len(calls.read_text().splitlines()) == 2


def test_the_files_are_copied_once(npm, tmp_path, silent):
    calls = npm(WORKING)
    run = Run(tmp_path / "run")
    litert.place(run, "page", silent)
    assert all((run.path / "page" / name).is_file() for name in litert.FILES)
    # They are enough by themselves, as on a machine without npm.
    npm("#!/bin/sh\nexit 1\n")
    litert.cache().rename(tmp_path / "gone")
    litert.place(run, "page", silent)
    assert len(calls.read_text().splitlines()) == 1
    for damage in ("{}", "[]", "x", '{"version": "1.0.0"}'):
        (run.path / "page" / "litert" / "package.json").write_text(damage)
        with pytest.raises(DeviceError, match="npm failed"):
            litert.place(run, "page", silent)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\necho npm error code EINTEGRITY >&2; exit 1\n", "npm failed: npm error code EINTEGRITY"),
        ("#!/bin/sh\nexit 0\n", "the package lacks @litertjs/core/package.json"),
        ("#!/bin/sh\nkill -9 $$\n", "npm failed"),
    ],
)
def test_a_failing_npm_gives_one_message_and_leaves_nothing(npm, script, said, silent):
    npm(script)
    with pytest.raises(DeviceError, match=said):
        litert.installed(silent)
    assert not list(litert.cache().parent.iterdir())


def test_a_hanging_npm_is_ended_with_its_children(npm, monkeypatch, tmp_path, silent):
    monkeypatch.setattr(litert, "_SECONDS", 0.5)
    npm(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path / 'child'}\nwait\n")
    began = time.monotonic()
    with pytest.raises(DeviceError, match=r"hasn't ended after 0\.5 seconds"):
        litert.installed(silent)
    assert time.monotonic() - began < 10
    status = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/status")

    def alive():
        try:
            return "zombie" not in status.read_text()
        except OSError:
            return False

    # On a busy machine a killed process takes its time to die.
    while alive() and time.monotonic() - began < 20:
        time.sleep(0.05)
    assert not alive()


def test_without_npm_it_says_what_to_do(monkeypatch, tmp_path, silent):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="npm is not on the PATH") as caught:
        litert.installed(silent)
    assert "install Node.js" in caught.value.remedy
    assert str(litert.cache()) in caught.value.remedy


def test_the_cache_lies_where_caches_lie(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert litert.cache().parent == tmp_path / ".cache" / "tfqnoise"
