import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tfqnoise import __version__
from tfqnoise.cli import COMMANDS, main, run_command
from tfqnoise.recipe import Recipe

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_help_is_quick(script):
    """In seconds of the processor: what else the machine does is not its business."""
    times = []
    for _ in range(3):
        began = _spent()
        done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True)
        times.append(_spent() - began)
        assert "--" in done.stdout
    assert min(times) < 0.5, times


def _spent():
    """Returns the processor's seconds of all processes that were started from here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_every_recipe_field_is_a_flag_with_help(capsys):
    with pytest.raises(SystemExit) as caught:
        run_command("train", ["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for name in Recipe().to_dict():
        assert f"--{name.replace('_', '-')}" in text
    assert "Share of the training pictures held out" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--noise", "1.0"], "--noise 1.0"),
        (["--noise", "-0.2"], "--noise -0.2"),
        (["--bits", "7"], "1, 2, 3, 4, 8 and 32"),
        (["--network", "resnet9"], "did you mean 'resnet8'"),
        (["--loss", "gcee"], "did you mean 'gce'"),
        (["--loss", '{"name": "gce", "p": 1}'], "no setting 'p'"),
        (["--dataset", "digit"], "did you mean 'digits'"),
        (["--dataset", "folder:/no/such"], "names no file or directory"),
        (["--recipe", "/no/such.json"], "can't be read"),
        (["--resume", "--run-dir", "/no/such"], "no run in /no/such"),
        (["--run-dir", "/proc/version/run"], "can't be written"),
        (["--precision", "float16"], "one of float32, bfloat16"),
    ],
)
def test_a_wrong_flag_gives_one_message_and_code_2(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run_command("train", arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("tfqnoise: ")
    assert message in error
    assert "what to do:" in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["--nois", "0.1"], ["--noise", "much"], ["--noise"], ["extra"]])
def test_flags_that_cant_be_parsed_exit_with_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        run_command("train", arguments)
    assert caught.value.code == 2
    assert "--noise" in capsys.readouterr().err or arguments == ["extra"]


@pytest.mark.parametrize("command", ["export", "benchmark"])
def test_without_a_run_the_commands_say_what_to_do(capsys, monkeypatch, tmp_path, command):
    monkeypatch.chdir(tmp_path)
    assert run_command(command, []) == 2
    assert "train first" in capsys.readouterr().err
    assert run_command(command, ["nowhere"]) == 2
    assert "no run in nowhere" in capsys.readouterr().err


def test_a_saved_recipe_is_overridden_by_flags(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny = ["--epochs=1", "--steps-per-epoch=1", "--network=alexnet", "--width=0.25", "--bits=32"]
    assert run_command("train", [*tiny, "--noise", "0.3", "--run-dir", "one"]) == 0
    assert run_command("train", ["--recipe", "one/recipe.json", "--noise", "0.2", "--run-dir", "two"]) == 0
    assert run_command("train", ["--recipe=one/recipe.json", "--seed=4", "--run-dir=three"]) == 0
    recipes = [Recipe.load(tmp_path / n / "recipe.json") for n in ("one", "two", "three")]
    assert [r.noise for r in recipes] == [0.3, 0.2, 0.3]
    assert [r.seed for r in recipes] == [0, 0, 4]
    assert {r.width for r in recipes} == {0.25}
    capsys.readouterr()
    assert run_command("train", ["--run-dir", "one"]) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert run_command("train", ["--run-dir", "one", "--resume"]) == 0
    assert "finished already" in capsys.readouterr().out
    assert run_command("train", ["--run-dir", "one", "--resume", "--noise", "0.5"]) == 2
    assert "noise 0.5, not 0.3" in capsys.readouterr().err
    assert run_command("train", ["--run-dir", "one", "--resume", "--max-macs", "1000"]) == 2
    assert "a budget with --resume" in capsys.readouterr().err


def test_list_prints_every_family(capsys):
    assert run_command("list", []) == 0
    text = capsys.readouterr().out
    for name in (
        "symmetric_exclusive",
        "gce (q=0.7)",
        "elr (weight=3.0, beta=0.7)",
        "resnet20",
        "tfds",
        "host",
    ):
        assert name in text
    assert "arXiv 1805.07836" in text
    assert run_command("list", ["losses"]) == 0
    assert "resnet20" not in capsys.readouterr().out
    assert run_command("list", ["loss"]) == 2
    assert "did you mean 'losses'" in capsys.readouterr().err


def test_the_entry_point_knows_its_commands():
    def call(*arguments):
        code = "from tfqnoise.cli import main; main()"
        return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)

    assert all(name in call("--help").stdout for name in COMMANDS)
    wrong = call("trian")
    assert wrong.returncode == 2
    assert "did you mean 'train'" in wrong.stderr
    assert call().returncode == 2


def test_a_full_disk_anywhere_is_no_traceback(capsys, monkeypatch):
    def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(COMMANDS["list"], "__call__", full)
    assert run_command("list", []) == 2
    assert "No space left on device" in capsys.readouterr().err


def test_an_interrupt_says_how_to_go_on(capsys, monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(COMMANDS["train"], "__call__", interrupted)
    assert run_command("train", []) == 130
    assert "--resume" in capsys.readouterr().err


def test_it_says_which_version_it_is(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tfqnoise", "--version"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"tfqnoise {__version__}\n"


@pytest.mark.parametrize("target", ["host", "android", "edgetpu", "ethos_u55", "browser"])
def test_targets_that_need_no_tensorflow_load_none(target):
    code = f"""
import sys
sys.modules["tensorflow"] = None
from tfqnoise.benchmark import registry
registry.entry("{target}")
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("command", "does"),
    [
        ("train", "tfqnoise.training.train.train"),
        ("magnitude", "tfqnoise.training.magnitudes.search"),
        ("audit", "tfqnoise.audit.audit"),
    ],
)
def test_what_trains_reserves_devices_before_it_does(monkeypatch, tmp_path, command, does):
    happened = []
    monkeypatch.setattr("tfqnoise.backend.reserve", lambda devices: happened.append(devices))
    monkeypatch.setattr(does, lambda *arguments, **settings: happened.append("trains"))
    subject = ["digits"] if command == "audit" else []
    assert run_command(command, [*subject, "--replicas", "2", "--run-dir", str(tmp_path / "run")]) == 0
    assert happened == [2, "trains"]
