import hashlib
import json
import shutil

import pytest

from tfqnoise import Recipe
from tfqnoise.benchmark import benchmark
from tfqnoise.benchmark.ethos import estimated
from tfqnoise.cli import run_command
from tfqnoise.errors import ExportError, RunError, UsageError
from tfqnoise.export import targets, vela
from tfqnoise.export.graph import graph
from tfqnoise.export.subject import Subject
from tfqnoise.export.untrained import untrained
from tfqnoise.run import Run

installed = pytest.mark.skipif(vela.find() is None, reason=f"Vela isn't installed: {vela.HOW}")


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    return Run.open(shutil.copytree(trained.path, tmp_path_factory.mktemp("ethos") / "run"))


@installed
@pytest.mark.parametrize(("target", "macs"), [("ethos_u55", 128), ("ethos_u65", 512), ("ethos_u85", 512)])
def test_an_estimate_is_kept_and_called_one(run, target, macs, capsys):
    assert run_command("benchmark", [str(run.path), "--target", target]) == 0
    text = capsys.readouterr().out
    kept = json.loads((run.path / "benchmark" / f"{target}.json").read_text())
    assert "estimated by Vela, not measured" in text
    assert kept["target"] == target
    assert kept["estimate"] is True
    assert kept["accelerator"] == kept["machine"]["processor"] == f"{target.replace('_', '-')}-{macs}"
    assert kept["sha256"] == hashlib.sha256((run.path / "export" / "model.tflite").read_bytes()).hexdigest()
    assert kept["milliseconds"] > 0
    assert kept["sram_bytes"] > 0
    # The larger ones are assumed to have DRAM, where weights lie too.
    assert (kept["flash_bytes"] > 0) == (target == "ethos_u55") == (kept["dram_bytes"] == 0)
    # The mean is more than one operation, and a few cycles lie between operations.
    assert sum(row["cycles"] for row in kept["layers"]) == pytest.approx(kept["cycles"], rel=0.05)


@installed
def test_settings_choose_the_configuration(run, silent):
    small = benchmark(run, {"name": "ethos_u55", "macs": 32}, report=silent)
    assert small["accelerator"] == "ethos-u55-32"
    assert small["cycles"] > benchmark(run, "ethos_u55", report=silent)["cycles"]
    with pytest.raises(UsageError, match="macs = 100"):
        benchmark(run, {"name": "ethos_u55", "macs": 100}, report=silent)


def test_a_run_that_is_not_exported_is_told_how(tmp_path, silent):
    with pytest.raises(RunError) as caught:
        estimated(Subject.of(Run(tmp_path)), "ethos-u65-512", silent)
    assert caught.value.remedy.endswith("--target ethos_u65")


def test_packed_weights_never_reach_vela(tmp_path, monkeypatch, silent):
    """With them, Vela 5.2 dies of a division by zero."""
    monkeypatch.setattr(vela, "find", lambda: pytest.fail("Vela was asked"))
    (tmp_path / "export").mkdir()
    content = untrained(Recipe(bits=4), "int8", "int4")
    (tmp_path / "export" / "model.tflite").write_bytes(content)
    with pytest.raises(ExportError, match="packed"):
        estimated(Subject.of(Run(tmp_path)), "ethos-u55-128", silent)
    found = targets.get("ethos_u55").check(graph(content))
    assert {operator.reason for operator in found.away} == {"ethos_u55 computes nothing in int4"}


def test_without_vela_the_remedy_is_its_installation(run, monkeypatch, capsys):
    monkeypatch.setattr(vela, "find", lambda: None)
    assert run_command("benchmark", [str(run.path), "--target", "ethos_u55"]) == 2
    assert "pip install 'tfqnoise[ethos]'" in capsys.readouterr().err


def test_an_estimate_takes_no_repetitions(trained, silent):
    with pytest.raises(UsageError, match="--repetitions 5 with an estimate"):
        benchmark(trained, "ethos_u85", repetitions=5, report=silent)
