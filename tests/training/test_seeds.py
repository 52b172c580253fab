import dataclasses

import numpy as np
import pytest
from PIL import Image

from tfqnoise import Recipe, Run
from tfqnoise.cli import run_command
from tfqnoise.errors import RunError, UsageError
from tfqnoise.training import seeds
from tfqnoise.training.seeds import train_seeds
from tfqnoise.training.train import train

TINY = Recipe(width=0.25, epochs=2, steps_per_epoch=2, batch_size=64, noise=0.4, bits=32, loss="gce", seed=4)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    path = tmp_path_factory.mktemp("several") / "runs"
    return path, train_seeds(TINY, path, seeds=2, baseline=True, report=lambda text: None)


def test_each_seed_is_a_run_of_its_own_and_the_baseline_differs_in_its_remedy_alone(several):
    path, _ = several
    names = {"seed4", "seed5", "baseline-seed4", "baseline-seed5"}
    assert {p.name for p in path.iterdir() if p.is_dir()} == names
    for name in names:
        recipe = Run.open(path / name).recipe
        assert recipe.seed == int(name[-1])
        plain = {"loss": "cross_entropy", "strategy": "plain"} if "baseline" in name else {}
        assert recipe == dataclasses.replace(TINY, seed=recipe.seed, **plain)


def test_a_run_among_others_is_the_run_alone(several, tmp_path, silent):
    path, _ = several
    alone = train(dataclasses.replace(TINY, seed=5), tmp_path / "alone", report=silent)
    arrays = [run.read_arrays("weights.npz") for run in (alone, Run.open(path / "seed5"))]
    for one, other in zip(*(a.values() for a in arrays), strict=True):
        np.testing.assert_array_equal(one, other)


def test_mean_and_range_are_those_of_the_summaries(several):
    path, found = several
    for stem, part in (("seed", found["figures"]), ("baseline-seed", found["baseline_figures"])):
        summaries = [Run.open(path / f"{stem}{n}").read_json("summary.json") for n in (4, 5)]
        for name in ("last", "best", "selected"):
            values = [summary[f"test_accuracy_{name}"] for summary in summaries]
            span = part["over_seeds"][name]
            assert (span["least"], span["most"]) == (min(values), max(values))
            assert span["mean"] == pytest.approx(sum(values) / 2)
    assert found == Run(path).read_json("seeds.json")
    text = seeds.table(found)
    assert "recipe, 2 seeds" in text
    assert "baseline, 2 seeds" in text
    assert "noise symmetric 0.4" in text


def test_what_is_finished_is_kept_and_the_rest_made(several, silent, capsys):
    path, found = several
    weights = (path / "seed4" / "weights.npz").stat().st_mtime_ns
    (path / "seed5" / "summary.json").unlink()
    assert run_command("train", ["--resume", "--run-dir", str(path)]) == 0
    assert "recipe, 2 seeds" in capsys.readouterr().out
    assert (path / "seed4" / "weights.npz").stat().st_mtime_ns == weights
    assert Run(path).read_json("seeds.json") == found


def test_every_fold_tests_other_people_and_the_figure_is_their_mean(tmp_path, silent):
    for number, name in enumerate(("SN002", "SN010", "SN013", "SN018", "SN003", "SN029")):
        labels = tmp_path / "disfa/ActionUnit_Labels" / name
        labels.mkdir(parents=True)
        for unit in (1, 2, 4, 6, 9, 12, 25, 26):
            lines = [f"{frame},{5 * ((frame + unit + number) % 2)}\n" for frame in range(1, 13)]
            (labels / f"{name}_au{unit}.txt").write_text("".join(lines))
        pictures = tmp_path / "disfa/img" / name
        pictures.mkdir(parents=True)
        for frame in range(12):
            Image.fromarray(np.full((8, 8, 3), 20 * frame, np.uint8)).save(pictures / f"{frame}.png")
    recipe = Recipe(
        dataset=f"disfa:{tmp_path}/disfa", image_size=8, width=0.25, epochs=1, batch_size=8, bits=32, validation=0.5
    )
    path = tmp_path / "runs"
    found = train_seeds(recipe, path, seeds=1, all_folds=True, report=silent)
    assert {p.name for p in path.iterdir() if p.is_dir()} == {f"fold{n}-seed0" for n in (1, 2, 3)}
    assert [Run.open(path / f"fold{n}-seed0").recipe.fold for n in (1, 2, 3)] == [1, 2, 3]
    values = [Run.open(path / f"fold{n}-seed0").read_json("summary.json")["test_f1_last"] for n in (1, 2, 3)]
    assert found["figures"]["over_seeds"]["last"]["mean"] == pytest.approx(sum(values) / 3)
    assert "1 seed on each of 3 folds" in seeds.table(found)
    assert run_command("train", ["--resume", "--run-dir", str(path)]) == 0


def test_folds_of_a_data_set_without_any_are_refused_before_training(tmp_path, silent):
    with pytest.raises(UsageError, match="--fold 3 for digits, which comes in one split"):
        train_seeds(TINY, tmp_path / "runs", seeds=1, all_folds=True, report=silent)
    assert not list((tmp_path / "runs").glob("*/recipe.json"))


def test_a_wrong_name_claims_no_directory(tmp_path, silent):
    path = tmp_path / "runs"
    with pytest.raises(UsageError, match="gcee"):
        train_seeds(dataclasses.replace(TINY, loss="gcee"), path, seeds=2, report=silent)
    assert not (path / "seeds.json").exists()
    teacher = dataclasses.replace(TINY, loss="cross_entropy", strategy="distillation", teacher=str(tmp_path))
    with pytest.raises(UsageError, match="--teacher"):
        train_seeds(teacher, path, seeds=2, report=silent)


def test_each_seed_has_the_teacher_of_its_own_labels(several, tmp_path, silent):
    path, _ = several
    taught = dataclasses.replace(TINY, loss="cross_entropy", strategy="distillation", teacher=str(path))
    train_seeds(taught, tmp_path / "runs", seeds=2, report=silent)
    for seed in (4, 5):
        assert Run.open(tmp_path / "runs" / f"seed{seed}").recipe.teacher == str(path / f"seed{seed}")


def test_a_resume_without_a_directory_goes_on_with_the_series(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = ["--width", "0.25", "--epochs", "1", "--steps-per-epoch", "1", "--bits", "32", "--seeds", "2"]
    assert run_command("train", [*flags, "--run-dir", "runs/series"]) == 0
    found = Run(tmp_path / "runs/series").read_json("seeds.json")
    (tmp_path / "runs/series/seeds.json").unlink()
    Run(tmp_path / "runs/series").write_json(
        "seeds.json", {k: found[k] for k in ("recipe", "seeds", "baseline", "all_folds")}
    )
    (tmp_path / "runs/series/seed1/summary.json").unlink()
    assert run_command("train", ["--resume"]) == 0
    assert Run(tmp_path / "runs/series").read_json("seeds.json") == found


@pytest.mark.parametrize(
    ("recipe", "settings", "error", "match"),
    [
        (TINY, {"seeds": 2, "baseline": True}, RunError, "already holds"),
        (TINY, {"seeds": 3, "baseline": True, "resume": True}, RunError, "differ"),
        (TINY, {"seeds": 0}, UsageError, "--seeds 0"),
        (Recipe(), {"seeds": 1, "baseline": True}, UsageError, "--baseline"),
    ],
)
def test_what_does_not_fit_is_refused(several, silent, recipe, settings, error, match):
    with pytest.raises(error, match=match):
        train_seeds(recipe, several[0], report=silent, **settings)


def test_the_newest_run_is_one_of_the_recipe(several, monkeypatch):
    path, _ = several
    monkeypatch.setattr("tfqnoise.run.ROOT", path.parent)
    assert Run.newest().path.name == "seed5"
