"""LiteRT.js: had from npm by the lockfile once, then copied beside each page."""

import hashlib
import importlib.resources
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfqnoise.benchmark.page.process import end
from tfqnoise.errors import DeviceError
from tfqnoise.run import Run

PACKAGE = "@litertjs/core"
_FILES = importlib.resources.files(__package__) / "files"
_LOCK = (_FILES / "package-lock.json").read_bytes()
VERSION: str = json.loads(_LOCK)["packages"][f"node_modules/{PACKAGE}"]["version"]

# Plain, for browsers without relaxed SIMD, and with threads; the kind for WebNN isn't needed.
_KINDS = ("litert_wasm_internal", "litert_wasm_compat_internal", "litert_wasm_threaded_internal")
# By their place beside the page, their place in the package.
FILES = {
    "litert/package.json": f"{PACKAGE}/package.json",
    "litert/core.js": f"{PACKAGE}/dist/index.js",
    "litert/wasm-utils.js": "@litertjs/wasm-utils/dist/index.js",
    **{f"litert/wasm/{kind}.{end}": f"{PACKAGE}/wasm/{kind}.{end}" for kind in _KINDS for end in ("js", "wasm")},
}
_SECONDS = 300


def place(run: Run, folder: str, report: Callable[[str], None]) -> None:
    """Copies the files of LiteRT.js beside the page, unless those of the locked version are there.

    Args:
        run: the run.
        folder: of the page in it.
        report: takes each message.

    Raises:
        DeviceError: if they are neither there nor in the cache, and npm is missing or fails.
        RunError: if the disk is full.
    """
    if _version(run.path / folder / "litert" / "package.json") == VERSION and all(
        (run.path / folder / name).is_file() for name in FILES
    ):
        return
    modules = installed(report)
    # package.json comes last: what it stands beside is whole.
    for name, source in reversed(FILES.items()):
        run.write_bytes(f"{folder}/{name}", (modules / source).read_bytes())


def cache() -> Path:
    """Returns where the packages of this lockfile are kept: `$XDG_CACHE_HOME/tfqnoise/` or `~/.cache/tfqnoise/`."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    # By its specification a relative path is to be ignored.
    root = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"
    return root / "tfqnoise" / f"litert-js-{hashlib.sha256(_LOCK).hexdigest()[:16]}"


def installed(report: Callable[[str], None]) -> Path:
    """Returns the directory `node_modules` in the cache, filled by `npm ci` if it isn't there yet.

    Scripts of the packages aren't executed, and npm checks every package against the lockfile's hash.

    Raises:
        DeviceError: if npm is missing, fails or hangs.
    """
    kept = cache()
    if not _missing(kept):
        return kept / "node_modules"
    npm = shutil.which("npm")
    if npm is None:
        raise DeviceError(
            "npm is not on the PATH",
            f"npm, which brings {PACKAGE} {VERSION} once and checks its hash",
            "install Node.js with npm, or copy "
            f"{kept} (or the page, benchmark/browser/ of a run) from a machine that has it",
        )
    report(f"npm ci: {PACKAGE} {VERSION} into {kept}")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".npm.") as temporary:
        fresh = Path(temporary) / "packages"
        fresh.mkdir()
        for name in ("package.json", "package-lock.json"):
            (fresh / name).write_bytes((_FILES / name).read_bytes())
        _npm(npm, fresh)
        if kept.is_dir() and _missing(kept):
            # Somebody took files out of it.
            shutil.rmtree(kept)
        try:
            fresh.rename(kept)
        except OSError:
            # Another process was faster.
            if _missing(kept):
                raise
    return kept / "node_modules"


def _npm(npm: str, folder: Path) -> None:
    """Runs `npm ci` in a folder and sees to it that what is needed has come."""
    remedy = f"check npm's registry and its network (`npm ci` in a copy of {_FILES}), then try again"
    expected = f"{PACKAGE} {VERSION} from npm's registry"
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    # Not through a pipe, which programs that npm has started could keep open.
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        try:
            code = process.wait(_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise DeviceError(f"npm hasn't ended after {_SECONDS} seconds", expected, remedy) from error
        finally:
            end(process)
        log.seek(0)
        said = log.read().decode(errors="replace").strip().splitlines()
    if code:
        # Its last lines name a log file; the first ones say what is wrong.
        raise DeviceError(f"npm failed: {'; '.join(said[:5])}", expected, remedy)
    if missing := _missing(folder):
        raise DeviceError(f"the package lacks {', '.join(missing)}", expected, "report a defect")


def _missing(folder: Path) -> list[str]:
    return [name for name in FILES.values() if not (folder / "node_modules" / name).is_file()]


def _version(path: Path) -> Any:
    try:
        return json.loads(path.read_text())["version"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
