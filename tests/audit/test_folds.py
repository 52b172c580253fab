import dataclasses
import shutil

import numpy as np
import pytest

from tfqnoise import Recipe, Run, label_file, matrix
from tfqnoise.audit import audit, folds
from tfqnoise.cli import run_command
from tfqnoise.errors import RunError, UsageError
from tfqnoise.training.callbacks import Record

TINY = Recipe(noise=0.3, bits=32, width=0.25, epochs=3, batch_size=16, seed=2, freeze_batch_norm=0.0)


@pytest.mark.parametrize(
    ("recipe", "count", "message"),
    [
        (TINY, 1, "--folds 1\n.*from 2 to 20"),
        (TINY, 21, "--folds 21"),
        (dataclasses.replace(TINY, held_out="1/4"), 2, "--held-out 1/4"),
        (dataclasses.replace(TINY, labelled=100), 2, "--labelled 100"),
        (dataclasses.replace(TINY, strategy="distillation", teacher="runs/x"), 2, "--teacher runs/x"),
    ],
)
def test_what_folds_are_not_for(recipe, count, message):
    with pytest.raises(UsageError, match=message):
        folds.check(recipe, count)


def test_a_wrong_flag_makes_no_directory(tmp_path, silent):
    with pytest.raises(UsageError):
        folds.trained(dataclasses.replace(TINY, augmentation="mirror"), 2, tmp_path / "run", silent)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A data set audited by two networks, of which the first was stopped after its first epoch."""
    path = tmp_path_factory.mktemp("folds") / "run"

    def stop(self, epoch, logs=None):
        after(self, epoch, logs)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        after = Record.on_epoch_end
        patch.setattr(Record, "on_epoch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            audit(TINY, folds=2, method="self_confidence", run_dir=path, report=lambda text: None)
    said = []
    found = audit(Run.open(path), folds=2, method="self_confidence", report=said.append)
    return Run.open(path), found, "\n".join(said)


def test_stopped_folds_go_on_and_every_label_is_judged_by_a_stranger(audited):
    run, found, said = audited
    assert "going on after epoch 1" in said
    assert run.recipe == TINY
    assert [Run.open(run.path / "audit" / f"fold-{n}-of-2").recipe.held_out for n in (1, 2)] == ["1/2", "2/2"]
    # The digits' training and validation pictures.
    assert found["examples"] == 1455
    assert found["folds"] == 2
    assert set(found["methods"]) >= {"self_confidence", "area_under_margin", "loss_mixture"}
    assert found["methods"]["self_confidence"]["auroc"] > 0.55
    assert found["methods"]["area_under_margin"]["auroc"] > 0.7
    assert "label_table" not in found["methods"]
    np.testing.assert_allclose(matrix.read(run.path / "audit" / "summary.json").sum(axis=1), 1)
    names = found["class_names"]
    assert len(label_file.read(str(run.path / "audit" / "audit.csv"), names)) == found["flagged"]


def test_finished_folds_are_taken_as_they_are(audited, capsys):
    run, found, _ = audited
    before = (run.path / "audit" / "audit.csv").read_bytes()
    assert run_command("audit", [str(run.path), "--folds", "2", "--method", "self-confidence"]) == 0
    text = capsys.readouterr().out
    assert text.count("is finished already") == 2
    assert (run.path / "audit" / "audit.csv").read_bytes() == before
    assert run.read_json("audit/summary.json")["methods"] == found["methods"]
    # The run itself was never trained, only its folds.
    assert run_command("audit", [str(run.path)]) == 2
    assert "--folds 4" in capsys.readouterr().err


def test_folds_of_another_recipe_are_refused(audited, tmp_path, silent):
    copy = tmp_path / "run"
    shutil.copytree(audited[0].path, copy)
    recipe = dataclasses.replace(TINY, seed=3)
    Run(copy).write_json("recipe.json", recipe.to_dict())
    with pytest.raises(RunError, match="another recipe"):
        audit(Run.open(copy), folds=2, report=silent)


def test_a_method_that_folds_cant_feed_is_refused_before_they_are_trained(tmp_path, silent):
    with pytest.raises(UsageError, match=r"--method label_table without what it judges by \(table\)"):
        audit(TINY, folds=2, method="label_table", run_dir=tmp_path / "run", report=silent)
    assert not list(tmp_path.iterdir())
