"""Shared fixtures. Nothing here needs anything outside the repository."""

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
    """A finished 8-bit run on the digits, exported."""
    from tfqnoise.export import export
    from tfqnoise.training.train import train

    run = train(TRAINED, tmp_path_factory.mktemp("trained") / "run", report=lambda text: None)
    export(run, report=lambda text: None)
    return run


@pytest.fixture
def silent():
    """Takes a command's messages and drops them."""
    return lambda text: None
