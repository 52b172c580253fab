import dataclasses
import re
import shutil

import numpy as np
import pytest

from tfqnoise import Recipe, Run, label_file
from tfqnoise.audit import _doubts, audit
from tfqnoise.audit.evidence import Evidence
from tfqnoise.cli import run_command
from tfqnoise.data import dataset as data
from tfqnoise.errors import DataError, RunError, UsageError
from tfqnoise.training.train import train


@pytest.fixture(scope="module")
def audited(trained, tmp_path_factory):
    """A copy of the trained run, so that the others find theirs as it was; its audit, and what that said."""
    path, said = tmp_path_factory.mktemp("audit") / "run", []
    shutil.copytree(trained.path, path)
    found = audit(Run.open(path), report=said.append)
    return Run.open(path), found, said[-1]


@pytest.fixture
def damaged(trained, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(trained.path, path)
    return Run.open(path)


def test_a_run_on_wrong_labels_is_audited(audited):
    run, found, said = audited
    assert found["method"] == {"name": "area_under_margin"}
    assert found == run.read_json("audit/summary.json")
    own = found["methods"]["area_under_margin"]
    assert own["auroc"] > 0.95
    assert own["precision"] > 0.85
    assert own["recall"] > 0.85
    assert found["methods"]["loss_mixture"]["auroc"] > 0.9
    assert 0.3 < found["true_noise_rate"] < 0.42
    assert found["estimated_noise_rate"] == pytest.approx(found["true_noise_rate"], abs=0.06)
    assert found["label_accuracy_after"] > 0.9 > 0.7 > found["label_accuracy_before"]
    assert re.search(r"area_under_margin +0\.9", said)
    assert f"--recipe {run.path / 'recipe.json'} --labels {run.path / 'audit' / 'audit.csv'}" in said
    assert "<script" not in (run.path / "audit" / "audit.html").read_text()


def test_who_has_learned_nothing_is_not_believed(trained, tmp_path, silent):
    """Its run is one of a single step: all labels seem wrong, and no correction is offered."""
    said = []
    recipe = dataclasses.replace(trained.recipe, bits=32, width=0.25, epochs=1, steps_per_epoch=1)
    found = audit(train(recipe, tmp_path / "run", report=silent), report=said.append)
    assert found["agreement"] < 0.13
    assert "WARNING" in said[-1]
    assert "can't judge" in said[-1]
    assert "audit.csv" not in said[-1]
    assert "can&#x27;t judge" in (tmp_path / "run" / "audit" / "audit.html").read_text()


def test_many_doubts_and_a_prediction_that_is_known_to_nobody():
    given = np.arange(10) % 2
    half = Evidence(
        given.astype(str), given, ("a", "b"), fitted=np.eye(2)[np.where(np.arange(10) < 7, given, 1 - given)]
    )
    assert half.agreement == 0.7
    assert _doubts(half, 5) == []
    assert "predicts 70.0% of" in _doubts(half, 6)[0]
    assert _doubts(dataclasses.replace(half, fitted=None), 5) == []


def test_the_corrected_labels_are_less_wrong(audited):
    run, found, _ = audited
    before = data.load(run.recipe)
    labels = str(run.path / "audit" / "audit.csv")
    corrected = dataclasses.replace(run.recipe, labels=labels)
    after = data.load(corrected)
    assert before.record["effective_rate_train"] > 0.3
    assert after.record["effective_rate_train"] < 0.1
    assert after.record["effective_rate"] < before.record["effective_rate"] / 2
    assert len(label_file.read(labels, after.source.class_names)) == found["flagged"]


def test_the_transition_matrix_goes_into_a_loss(audited):
    from tfqnoise import losses

    run = audited[0]
    loss = losses.get({"name": "forward", "matrix": str(run.path / "audit" / "summary.json")})
    truth = np.array(run.read_json("noise.json")["transition_matrix"])
    assert np.abs(np.array(loss.matrix) - truth).max() < 0.15


def test_a_folder_has_no_truth_to_measure_with(tmp_path, capsys, monkeypatch):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for number, name in enumerate(("<script>", "dark")):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for picture in range(30):
            pixels = random.integers(0, 60, (8, 8, 3)) + 150 * (1 - number)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{picture}.png")
    tiny = ["--image-size=8", "--epochs=2", "--steps-per-epoch=40", "--width=0.25", "--bits=32", "--batch-size=8"]
    command = ["folder:photos", *tiny, "--folds", "2", "--method", "self_confidence", "--run-dir", "a run"]
    assert run_command("audit", command) == 0
    text = capsys.readouterr().out
    assert "AUROC" not in text
    assert "goes on by: tfqnoise audit" in text
    assert "--labels 'a run/audit/audit.csv'" in text
    found = Run.open("a run").read_json("audit/summary.json")
    assert found["methods"] is found["true_noise_rate"] is None
    page = (tmp_path / "a run" / "audit" / "audit.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    for again in (command, ["photos"]):
        assert run_command("audit", again) == 2
    error = capsys.readouterr().err
    assert "already holds a run" in error
    assert "write folder:photos" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--folds", "1"], "from 2 to 20"),
        (["--folds", "21"], "from 2 to 20"),
        (["--method", "area_under_margins"], "did you mean 'area_under_margin'"),
        (["--method", "self_confidence"], "--folds 4"),
        (["--method", "label_table"], "--strategy pencil"),
        (["--noise", "0.2"], "--noise with the run"),
        (["--run-dir", "other"], "--run-dir with the run"),
    ],
)
def test_a_wrong_flag_gives_one_message_and_code_2(trained, capsys, arguments, message):
    assert run_command("audit", [str(trained.path), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "what to do:" in error


def test_what_is_neither_run_nor_data_is_refused(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for subject, message in (
        (["runs/nothing"], "no run"),
        (["digit"], "did you mean 'digits'"),
        (["digits", "--recipe", "none.json"], "none.json"),
        ([], "train first"),
    ):
        assert run_command("audit", subject) == 2
        assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "message"), [("summary.json", "is not finished"), ("examples.npz", "has no examples.npz")]
)
def test_a_run_that_lacks_a_file_says_which(damaged, silent, name, message):
    (damaged.path / name).unlink()
    with pytest.raises(RunError, match=message):
        audit(damaged, report=silent)


@pytest.mark.parametrize(
    "change",
    [
        {"margin": np.zeros(3, np.float32)},
        {"given": np.zeros((3, 2), np.int64)},
        {"table": np.zeros((3, 2), np.float32)},
        {"loss": np.array(["x"])},
        {"seen": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_damaged_file_is_named(damaged, silent, change):
    arrays = {**damaged.read_arrays("examples.npz"), **change}
    damaged.write_arrays("examples.npz", {name: a for name, a in arrays.items() if a is not None})
    with pytest.raises(RunError, match=r"examples\.npz lacks what belongs into it"):
        audit(damaged, report=silent)
    (damaged.path / "examples.npz").write_bytes(b"PK")
    with pytest.raises(RunError, match=r"examples\.npz can't be read"):
        audit(damaged, report=silent)


def test_other_labels_than_the_run_saw_are_refused(damaged, silent):
    arrays = damaged.read_arrays("examples.npz")
    damaged.write_arrays("examples.npz", {**arrays, "given": (arrays["given"] + 1) % 10})
    with pytest.raises(DataError, match="not those that"):
        audit(damaged, report=silent)


def test_several_labels_a_picture_are_refused(tmp_path, silent):
    from tfqnoise.data.drawn_faces import draw

    draw(str(tmp_path / "drawn"), "disfa", subjects=6, frames=8, seed=0)
    recipe = Recipe(dataset=f"disfa:{tmp_path / 'drawn'}", loss="binary_cross_entropy", image_size=16)
    with pytest.raises(UsageError, match="several labels a picture"):
        audit(recipe, run_dir=tmp_path / "run", report=silent)
    assert not (tmp_path / "run").exists()
