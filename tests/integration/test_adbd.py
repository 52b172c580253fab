"""The road to an Android device, against a real adb and a real adbd (see `tests/benchmark/adbd/setup.sh`)."""

import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfqnoise import Recipe, Run
from tfqnoise.benchmark import adb
from tfqnoise.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "resnet8_cifar10_noise40_int8" / "model.tflite"
SERIAL = "127.0.0.1:5555"

pytestmark = [
    pytest.mark.adbd,
    pytest.mark.skipif("TFQNOISE_ADBD" not in os.environ, reason="needs tests/benchmark/adbd/setup.sh around it"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc for the stand-in"),
]


@dataclasses.dataclass(frozen=True)
class Daemon:
    """A running adbd; `tmp` is its /data/local/tmp, seen from outside."""

    process: subprocess.Popen
    tmp: Path


@pytest.fixture
def daemon():
    system = Path(os.environ["TFQNOISE_ADBD"])
    tmp = system / "data" / "local" / "tmp"
    for path in tmp.glob("tfqnoise-*"):
        shutil.rmtree(path)
    process = subprocess.Popen(
        ["chroot", str(system), "/usr/lib/android-sdk/platform-tools/adbd"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(50):
            subprocess.run(["adb", "connect", SERIAL], capture_output=True, check=False)
            if adb.devices("adb", 20).get(SERIAL) == "device":
                break
            time.sleep(0.2)
        yield Daemon(process, tmp)
    finally:
        process.kill()
        process.wait()
        subprocess.run(["adb", "kill-server"], capture_output=True, check=False)


@pytest.fixture
def exported(tmp_path):
    run = Run.create(Recipe(), tmp_path / "a run; touch pwned $(touch pwned)")
    run.write_bytes("export/model.tflite", MODEL.read_bytes())
    return run


@pytest.fixture
def stand_in(tmp_path):
    """Returns a stand-in for benchmark_model in a mode."""

    def build(mode):
        path = tmp_path / f"stand-in {mode}"
        source = ROOT / "tests" / "benchmark" / "adbd" / "stand_in.c"
        subprocess.run(["gcc", "-static", f"-DMODE={mode}", "-o", str(path), str(source)], check=True)
        return str(path)

    return build


def _command(run, binary, *flags):
    names = [str(run.path), "--target", "android", "--serial", SERIAL, "--benchmark-model", binary]
    return [sys.executable, str(ROOT / "scripts" / "benchmark.py"), *names, *flags]


def _benchmark(run, binary, *flags):
    done = subprocess.run(_command(run, binary, *flags), capture_output=True, text=True, cwd=ROOT, check=False)
    print(f"$ benchmark {' '.join(flags)}\n{done.stdout}{done.stderr}exit code {done.returncode}\n")
    assert "Traceback" not in done.stderr
    return done


def _begun(daemon):
    """Waits until a benchmark runs on the device, and returns the number of its process."""
    for _ in range(300):
        for path in daemon.tmp.glob("tfqnoise-*/pid"):
            if path.read_text().strip():
                return int(path.read_text())
        time.sleep(0.1)
    raise TimeoutError("no benchmark began")


def _running(number):
    return Path(f"/proc/{number}").exists()


def _ends(number):
    for _ in range(50):
        if not _running(number):
            return True
        time.sleep(0.1)
    return False


def test_a_run_is_pushed_timed_profiled_and_cleaned_up(daemon, exported, stand_in):
    done = _benchmark(exported, stand_in("RUNS"), "--threads", "2", "--taskset", "1", "--profile")
    assert done.returncode == 0
    assert f"{SERIAL}, xnnpack, threads 2: 1,000.0 µs" in done.stdout
    result = exported.read_json("benchmark/android.json")
    assert result["rows"][0]["samples"] == 50
    assert [row["type"] for row in result["operators"]] == ["CONV_2D", "SOFTMAX"]
    assert result["device"]["architecture"] == os.uname().machine
    # Debian's shell has no getprop.
    assert result["device"]["properties"] == {}
    assert list(daemon.tmp.iterdir()) == []


def test_a_missing_model_is_said_before_and_on_the_device(daemon, exported, stand_in):
    done = _benchmark(exported, stand_in("LOSES"))
    assert done.returncode == 2
    assert "refused the model" in done.stderr
    assert "Failed to mmap model" in done.stderr
    (exported.path / "export" / "model.tflite").unlink()
    done = _benchmark(exported, stand_in("RUNS"))
    assert done.returncode == 2
    assert "export it first" in done.stderr
    assert list(daemon.tmp.iterdir()) == []


def test_a_crash_is_named(daemon, exported, stand_in):
    done = _benchmark(exported, stand_in("CRASHES"))
    assert done.returncode == 2
    assert "ended by SIGABRT" in done.stderr
    assert list(daemon.tmp.iterdir()) == []


def test_a_benchmark_that_hangs_is_ended(daemon, exported, stand_in):
    process = subprocess.Popen(
        _command(exported, stand_in("HANGS"), "--timeout", "5"), stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    number = _begun(daemon)
    _, error = process.communicate(timeout=60)
    print(error)
    assert process.returncode == 2
    assert f"{SERIAL} didn't answer within 5 seconds" in error
    assert _ends(number)
    assert list(daemon.tmp.iterdir()) == []


def test_a_killed_daemon_is_a_lost_device(daemon, exported, stand_in):
    process = subprocess.Popen(
        _command(exported, stand_in("HANGS")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    number = _begun(daemon)
    daemon.process.kill()
    said, error = process.communicate(timeout=60)
    print(f"{said}{error}exit code {process.returncode}")
    assert process.returncode == 2
    assert f"{SERIAL} was lost" in error
    folder = next(daemon.tmp.iterdir())
    assert f"/data/local/tmp/{folder.name} is left on {SERIAL}" in said
    assert not (exported.path / "benchmark" / "android.json").exists()
    os.kill(number, 9)


def test_interrupting_leaves_nothing_behind(daemon, exported, stand_in):
    process = subprocess.Popen(
        _command(exported, stand_in("HANGS")), stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    number = _begun(daemon)
    os.killpg(process.pid, 2)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in error
    assert _ends(number)
    assert list(daemon.tmp.iterdir()) == []


@pytest.mark.parametrize("name", ["two words", "it's", 'say "so"', "a; touch pwned", "$(touch pwned)", "`id`", "-n"])
def test_names_survive_the_real_shell(daemon, name, tmp_path):
    device = adb.connect("adb", SERIAL, 20)
    assert device.shell("printf", "<%s>", name, "b c") == adb.Answer(0, f"<{name}><b c>")
    (tmp_path / name).write_text("content")
    with device.workspace(print) as folder:
        device.push(tmp_path / name, f"{folder}/{name}")
        assert device.shell("cat", "--", f"{folder}/{name}").text == "content"
        assert device.pull(f"{folder}/{name}", tmp_path / "back")
    assert (tmp_path / "back").read_text() == "content"
    assert list(daemon.tmp.iterdir()) == []


def test_the_daemon_is_listed_twice_so_a_serial_is_asked_for(daemon):
    # adb looks for emulators when its server starts, which may have been before the daemon listened.
    subprocess.run(["adb", "kill-server"], capture_output=True, check=False)
    subprocess.run(["adb", "connect", SERIAL], capture_output=True, check=False)
    for _ in range(50):
        if len(adb.devices("adb", 20)) > 1:
            break
        time.sleep(0.2)
    with pytest.raises(UsageError, match=r"2 devices: .*emulator-5554"):
        adb.connect("adb", None, 20)
    assert adb.connect("adb", SERIAL, 20).serial == SERIAL
