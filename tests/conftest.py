"""Shared fixtures. Nothing here needs anything outside the repository."""

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest

from tfqnoise import Recipe, Run

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Data that lies beside the repository where it is developed."""
    if not SHARED.is_dir():
        pytest.skip("needs the shared data beside the repository")
    return SHARED


TRAINED = Recipe(noise=0.4, bits=8, epochs=6, batch_size=32, seed=1)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished 8-bit run on the digits, exported. The first process that wants it makes it, each has a copy."""
    from tfqnoise.export import export
    from tfqnoise.training.train import train

    base = tmp_path_factory.getbasetemp()
    common = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (common / "trained.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (common / "trained").is_dir():
            run = train(TRAINED, common / "training", report=lambda text: None)
            export(run, report=lambda text: None)
            run.path.rename(common / "trained")
    return Run.open(shutil.copytree(common / "trained", tmp_path_factory.mktemp("trained") / "run"))


@pytest.fixture(scope="session")
def for_browsers(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same run, exported for browsers."""
    from tfqnoise.export import export

    run = Run(tmp_path_factory.mktemp("browsers") / "run")
    shutil.copytree(trained.path, run.path)
    export(run, target="browser", examples=100, report=lambda text: None)
    return run


@pytest.fixture
def litert_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache that holds files of LiteRT.js by name alone, for what doesn't run them."""
    from tfqnoise.benchmark.page import litert

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in litert.FILES.values():
        path = litert.cache() / "node_modules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"version": litert.VERSION}))
    return litert.cache()


@pytest.fixture
def silent():
    """Takes a command's messages and drops them."""
    return lambda text: None
