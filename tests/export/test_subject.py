import shutil

import pytest

from tfqnoise import Run
from tfqnoise.cli import run_command
from tfqnoise.errors import RunError, UsageError
from tfqnoise.export.subject import Subject, exported


def test_a_run_a_directory_and_a_file_are_told_apart(trained):
    model = trained.path / "export" / "model.tflite"
    for named in (trained, trained.path, Subject(trained.path, trained)):
        found = Subject.of(named)
        assert (found.path, found.model(), found.exported) == (trained.path, model, True)
        assert found.whole_run("it").path == trained.path
    found = Subject.of(model)
    assert (found.run, found.model()) == (None, model)
    with pytest.raises(UsageError, match=r"--target step with .*model\.tflite, which is no run"):
        found.whole_run("--target step")


def test_what_isnt_there_is_a_run_unless_it_is_called_like_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="no run in"):
        Subject.of(tmp_path / "nowhere")
    with pytest.raises(RunError, match="no run in"):
        Subject.of(tmp_path)
    with pytest.raises(RunError, match="no run under"):
        Subject.of(None)
    assert Subject.of(tmp_path / "nowhere.tflite").run is None


def test_a_run_that_isnt_exported_is_told_how(trained, tmp_path):
    run = Run.create(trained.recipe, tmp_path / "a run")
    assert not Subject.of(run).exported
    with pytest.raises(RunError, match=r"model\.tflite is missing") as caught:
        Subject.of(run).model("edgetpu")
    assert caught.value.remedy == f"export it first: python scripts/export_tflite.py '{run.path}' --target edgetpu"
    with pytest.raises(RunError, match=r"model_float\.tflite is missing"):
        exported(run, name="model_float")


@pytest.mark.parametrize(
    "command",
    [["inspect"], ["emulate", "--root", "x"], ["benchmark"], ["benchmark", "--target", "ethos_u55"], ["serve"]],
)
def test_each_command_says_it_in_the_same_words(trained, tmp_path, capsys, command):
    run = Run.create(trained.recipe, tmp_path / "run")
    name, *flags = command
    assert run_command(name, [str(run.path), *flags]) == 2
    said = capsys.readouterr().err
    assert f"{run.path}/export/model.tflite is missing\n  expected: an exported run\n" in said
    assert "export it first: python scripts/export_tflite.py" in said


@pytest.fixture
def older(trained, tmp_path):
    """A copy of the trained run whose export is of an earlier epoch."""
    run = Run.open(shutil.copytree(trained.path, tmp_path / "older"))
    run.write_json("export/report.json", run.read_json("export/report.json") | {"epoch": 3})
    return run


@pytest.mark.parametrize(
    "command",
    [
        ["inspect"],
        ["inspect", "--json"],
        ["check"],
        ["benchmark", "--repetitions", "1", "--threads", "1", "--kernels", "builtin"],
    ],
)
def test_a_model_older_than_the_weights_is_said_to_be(older, trained, capsys, command):
    name, *flags = command
    words = f"the exported model of {older.path} is of epoch 3, its weights of epoch 6: export it anew"
    assert run_command(name, [str(older.path), *flags]) == 0
    assert words in capsys.readouterr().out
    assert run_command(name, [str(trained.path), *flags]) == 0
    assert "export it anew" not in capsys.readouterr().out
    # A file by itself belongs to no run.
    assert run_command(name, [str(older.path / "export" / "model.tflite"), *flags]) == 0
    assert "export it anew" not in capsys.readouterr().out


def test_what_needs_a_run_says_so_of_a_file(trained, capsys):
    model = str(trained.path / "export" / "model.tflite")
    for command in (["serve", model], ["benchmark", model, "--target", "browser"]):
        assert run_command(command[0], command[1:]) == 2
        assert "which is no run directory" in capsys.readouterr().err
