import dataclasses
import json

import pytest

from tfqnoise import Recipe, Run
from tfqnoise.cli import run_command
from tfqnoise.errors import RunError, UsageError
from tfqnoise.training.magnitudes import search

TINY = Recipe(
    width=0.25, epochs=1, steps_per_epoch=2, batch_size=64, noise=0.4, bits=32, warmup_epochs=0, augmentation="cutout"
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    path = tmp_path_factory.mktemp("search") / "runs"
    said = []
    return path, search(TINY, path, magnitudes=(0.75, 0, 0.25), report=said.append), said[-1]


def test_the_best_on_noisy_validation_labels_is_named(searched):
    path, found, said = searched
    assert [row["magnitude"] for row in found["figures"]] == [0, 0.25, 0.75]
    for row in found["figures"]:
        run = Run.open(path / row["run"])
        spec = {"name": "cutout", "magnitude": row["magnitude"]}
        assert json.loads(run.recipe.augmentation) == spec
        assert dataclasses.replace(run.recipe, augmentation="cutout") == TINY
        assert row["validation_last"] == run.read_json("summary.json")["validation_accuracy_last"]
    best = max(found["figures"], key=lambda row: row["validation_last"])
    assert found["best"] == best["magnitude"]
    assert json.loads(found["augmentation"]) == {"name": "cutout", "magnitude": found["best"]}
    assert found == Run(path).read_json("magnitude.json")
    assert f"use --augmentation '{found['augmentation']}'" in said


def test_what_is_finished_is_kept_and_the_rest_made(searched, capsys):
    path, found, _ = searched
    kept = (path / "magnitude-0" / "weights.npz").stat().st_mtime_ns
    (path / "magnitude-0.75" / "summary.json").unlink()
    assert run_command("magnitude", ["--resume", "--run-dir", str(path)]) == 0
    assert "use --augmentation" in capsys.readouterr().out
    assert (path / "magnitude-0" / "weights.npz").stat().st_mtime_ns == kept
    assert Run(path).read_json("magnitude.json") == found


@pytest.mark.parametrize(
    ("recipe", "settings", "error", "match"),
    [
        (TINY, {"magnitudes": (0, 0.25, 0.75)}, RunError, "already holds"),
        (TINY, {"magnitudes": (0, 0.5), "resume": True}, RunError, "differ"),
        (TINY, {"magnitudes": (0.5, 0.5)}, UsageError, "--magnitudes 0.5 0.5"),
        (TINY, {"magnitudes": (0, 1.5)}, UsageError, "from 0 to 1"),
        (dataclasses.replace(TINY, augmentation="standard"), {}, UsageError, "--augmentation standard"),
        (dataclasses.replace(TINY, augmentation='{"name": "cutout", "size": 4}'), {}, UsageError, "overrules"),
        (dataclasses.replace(TINY, augmentation="cutot"), {}, UsageError, "did you mean 'cutout'"),
    ],
)
def test_what_does_not_fit_is_refused(searched, silent, recipe, settings, error, match):
    with pytest.raises(error, match=match):
        search(recipe, searched[0], report=silent, **settings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume"], "--resume without --run-dir"),
        (["--resume", "--run-dir", "nowhere"], "magnitude.json"),
        (["--augmentation", "none"], "--augmentation none"),
        (["--magnitudes", "0.1"], "from 2 to 20"),
        (["--loss", "gcee", "--run-dir", "runs"], "did you mean 'gce'"),
    ],
)
def test_a_wrong_flag_gives_one_message_and_claims_nothing(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run_command("magnitude", arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "what to do:" in error
    assert not list(tmp_path.rglob("*.json"))
