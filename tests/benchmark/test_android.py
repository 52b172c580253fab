import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tfqnoise import Recipe, Run
from tfqnoise.benchmark import benchmark
from tfqnoise.cli import run_command
from tfqnoise.errors import DeviceError, ExportError, RunError, UsageError

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "resnet8_cifar10_noise40_int8" / "model.tflite"


def _elf(machine, order="<"):
    return (
        b"\x7fELF\x02"
        + (b"\x01" if order == "<" else b"\x02")
        + bytes(12)
        + struct.pack(f"{order}H", machine)
        + bytes(44)
    )


@pytest.fixture
def exported(tmp_path) -> Run:
    """An exported run in a folder that a shell would take apart."""
    run = Run.create(Recipe(), tmp_path / "a run; touch pwned $(touch pwned) 'so'")
    run.write_bytes("export/model.tflite", MODEL.read_bytes())
    return run


@pytest.fixture
def binary(tmp_path) -> str:
    path = tmp_path / "benchmark $(touch pwned) model"
    path.write_bytes(_elf(183))
    return str(path)


@pytest.fixture
def measure(phone, exported, binary, silent):
    """Measures with the settings given."""

    def run(report=silent, repetitions=None, **settings):
        target = {"name": "android", "benchmark_model": binary, **settings}
        return benchmark(exported, json.dumps(target), repetitions=repetitions, report=report)

    return run


def _flags(phone):
    return (phone.home / "arguments").read_text().splitlines()


def test_a_device_is_measured_and_left_as_it_was(phone, exported, measure, binary, tmp_path):
    said = []
    result = measure(said.append, threads=4, taskset="f0", repetitions=25)
    assert result == exported.read_json("benchmark/android.json")
    assert result["target"] == "android"
    row = result["rows"][0]
    assert row["p50_us"] == 141253
    assert (row["mean_us"], row["min_us"], row["max_us"], row["samples"]) == (145528, 140071, 195121, 25)
    assert (row["model"], row["type"], row["bytes"]) == ("model", "int8", MODEL.stat().st_size)
    assert (row["threads"], row["kernel"]) == (4, "xnnpack")
    assert result["device"] == {
        "serial": "R58M",
        "architecture": "aarch64",
        "cores": 8,
        "properties": {
            "ro.product.manufacturer": "Google",
            "ro.product.model": "Pixel 6",
            "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a",
            "ro.build.version.release": "13",
        },
    }
    assert result["versions"] == {"adb": "29.0.6-debian"}
    assert result["sha256"] == hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert result["benchmark_model"]["sha256"] == hashlib.sha256(Path(binary).read_bytes()).hexdigest()
    flags = ["--graph=model.tflite", "--num_threads=4", "--num_runs=25", "--use_xnnpack=true"]
    assert _flags(phone) == flags
    assert result["command"] == ["taskset", "f0", "./benchmark_model", *flags]
    assert "145,528.0 µs" in said[-1]
    assert (phone.home / "device" / "pushed").read_bytes() == Path(binary).read_bytes()
    assert phone.left == []
    assert not list(tmp_path.rglob("pwned"))
    assert all(call[:2] == ["-s", "R58M"] for call in phone.calls if call[0] not in ("devices", "version"))
    assert "tflite  : count=25" in (exported.path / "benchmark" / "android.log").read_text()


@pytest.mark.parametrize(
    ("delegate", "log", "took", "words"),
    [
        ("gpu", "without_prefix.txt", "completely", "gpu, threads 1: 119,375.0 µs"),
        ("nnapi", "not_delegated.txt", "not", "nnapi took nothing of the model"),
    ],
)
def test_a_delegate_is_a_flag_and_what_it_took_is_said(phone, measure, delegate, log, took, words):
    phone.tell(log=log)
    said = []
    assert measure(said.append, delegate=delegate)["delegated"] == took
    assert words in said[-1]
    assert _flags(phone)[3:] == [f"--use_{delegate}=true"]


def test_a_profile_is_pulled(phone, measure, tmp_path):
    recorded = Path(__file__).parent / "recorded" / "profile.csv"
    phone.tell(before=[f"cp {recorded} profile.csv"])
    said = []
    operators = measure(said.append, profile=True)["operators"]
    assert [row["type"] for row in operators] == ["CONV_2D", "ELU", "AVERAGE_POOL_2D", "SOFTMAX"]
    assert _flags(phone)[4:] == ["--enable_op_profiling=true", "--profiling_output_csv_file=profile.csv"]
    assert any("44.9%" in line and "CONV_2D" in line for line in said)
    assert phone.left == []


def test_a_profile_in_the_output_does_too_and_none_is_said(phone, measure):
    phone.tell(log="prefixed.txt")
    assert len(measure(profile=True)["operators"]) == 4
    phone.tell(log="of_2019.txt")
    said = []
    assert measure(said.append, profile=True)["operators"] == []
    assert "this build of benchmark_model wrote no profile" in said
    assert measure()["operators"] is None


def test_a_shell_that_says_little_of_its_device_is_enough(phone, measure):
    for name in ("getprop", "nproc", "uname"):
        phone.program(name, f"echo 'sh: {name}: not found'", "exit 127")
    device = measure()["device"]
    assert device == {"serial": "R58M", "architecture": "", "cores": None, "properties": {}}


@pytest.mark.parametrize(
    ("told", "settings", "match"),
    [
        ({"log": "no_model.txt", "ends_with": 1}, {}, r"refused the model(?s:.*)Failed to mmap model"),
        ({"log": "refused_by_gpu.txt", "ends_with": 1}, {"delegate": "gpu"}, r"delegate refused(?s:.*)SQUEEZE"),
        ({"log": "of_2018.txt"}, {}, "isn't understood"),
        ({"before": ["kill -SEGV $$"]}, {}, "ended by SIGSEGV"),
        ({"before": ["kill -KILL $$"]}, {}, "ended by SIGKILL"),
        (
            {"before": ["echo 'CANNOT LINK EXECUTABLE'", "exit 127"]},
            {},
            "doesn't find what it needs(?s:.*)other Linux",
        ),
        ({"before": ["exit 126"]}, {}, "doesn't execute"),
        ({"before": ["echo 'write: No space left on device'", "exit 1"]}, {}, "no space left"),
        ({"before": ["sleep 60"]}, {"timeout": 2}, "didn't answer within 2 seconds"),
        ({"at": {"benchmark_model --graph": {"text": "INFO: STARTING!", "status": 0}}}, {}, "R58M was lost"),
        ({"at": {"push.*tflite": {"text": "error: device offline", "status": 1}}}, {}, "R58M was lost"),
        (
            {"at": {"push": {"text": "remote write failed: No space left on device", "status": 1}}},
            {},
            "no space left",
        ),
        ({"devices": "List of devices attached\n\n"}, {}, "no device"),
        ({"devices": "List of devices attached\na\tunauthorized\n"}, {}, "a is unauthorized"),
        ({}, {"serial": "other"}, "no device other"),
        ({}, {"adb": "no-such-adb"}, "no program no-such-adb"),
    ],
)
def test_failures_on_the_way_are_one_message_each(phone, exported, measure, told, settings, match):
    phone.tell(**told)
    with pytest.raises(DeviceError, match=match):
        measure(**settings)
    assert not (exported.path / "benchmark" / "android.json").exists()
    assert phone.left == []


def test_a_mask_that_the_device_refuses_is_named(phone, measure):
    phone.program("taskset", 'echo "taskset: failed to set pid 7\'s affinity: Invalid argument"', "exit 1")
    with pytest.raises(DeviceError, match=r"taskset failed(?s:.*)choose another --taskset"):
        measure(taskset="f000")
    phone.program("taskset", "echo 'sh: taskset: not found'", "exit 127")
    with pytest.raises(DeviceError, match="leave --taskset out"):
        measure(taskset="f0")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (_elf(62), "built for x86_64(?s:.*)aarch64, which the device is"),
        (_elf(3), "built for i386"),
        (_elf(22, ">"), "built for machine 22 of ELF"),
        (b"#!/bin/sh\necho hello world hello\n", "no ELF file"),
        (b"\x7fELF", "no ELF file"),
        (b"", "no ELF file"),
        (None, "is no file"),
    ],
)
def test_a_binary_that_cant_run_there_is_refused_before_it_is_pushed(phone, measure, tmp_path, content, match):
    path = tmp_path / "other"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=match) as caught:
        measure(benchmark_model=str(path))
    assert "nightly prebuilt" in caught.value.remedy
    assert "push" not in [word for call in phone.calls for word in call]


@pytest.mark.parametrize(("machine", "kernel"), [(40, "aarch64"), (183, "mips64")])
def test_what_may_run_there_is_tried(phone, measure, tmp_path, machine, kernel):
    phone.program("uname", f"echo {kernel}")
    (tmp_path / "other").write_bytes(_elf(machine))
    assert measure(benchmark_model=str(tmp_path / "other"))["device"]["architecture"] == kernel


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"benchmark_model": ""}, "no --benchmark-model"),
        ({"threads": 0}, "--threads 0"),
        ({"threads": "4"}, "a int"),
        ({"taskset": "f0; reboot"}, "--taskset f0; reboot"),
        ({"taskset": "0"}, "--taskset 0"),
        ({"delegate": "gpus"}, "did you mean 'gpu'"),
        ({"timeout": 0}, "--timeout 0"),
        ({"sreial": "a"}, "did you mean 'serial'"),
    ],
)
def test_settings_that_cant_be_used_are_refused_at_once(phone, measure, settings, match):
    with pytest.raises(UsageError, match=match):
        measure(**settings)
    assert phone.calls == []


def test_a_model_that_is_missing_or_damaged_never_reaches_the_device(phone, exported, measure):
    (exported.path / "export" / "model.tflite").write_bytes(MODEL.read_bytes()[:1000])
    with pytest.raises(ExportError):
        measure()
    (exported.path / "export" / "model.tflite").unlink()
    with pytest.raises(RunError, match=r"export it first(?s:.*)--target android"):
        measure()
    assert phone.calls == []


def test_flags_are_settings(phone, exported, binary, capsys):
    flags = ["--target", "android", "--benchmark-model", binary, "--serial", "R58M", "--threads", "2"]
    more = ["--taskset", "f", "--delegate", "cpu", "--profile", "--timeout", "20", "--adb", phone.adb]
    assert run_command("benchmark", [str(exported.path), *flags, *more, "--repetitions", "7"]) == 0
    assert "Pixel 6, cpu, threads 2" in capsys.readouterr().out
    assert _flags(phone)[1:4] == ["--num_threads=2", "--num_runs=7", "--use_xnnpack=false"]
    result = exported.read_json("benchmark/android.json")
    assert (result["taskset"], result["operators"]) == ("f", [])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--target", "android"], "no --benchmark-model"),
        (["--target", "host", "--serial", "R58M"], "has no setting 'serial'"),
        (["--target", "android", "--benchmark-model", "/no/such"], "is no file"),
        (["--target", '{"name": "android", "threads": 100}'], "--threads 100"),
    ],
)
def test_errors_exit_with_2_and_no_traceback(phone, exported, capsys, flags, message):
    assert run_command("benchmark", [str(exported.path), *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "what to do:" in error
    assert "Traceback" not in error


def test_ctrl_c_leaves_nothing_behind(phone, exported, binary):
    phone.tell(before=["echo $$ > ../number", "exec sleep 60"])
    code = (
        "import pathlib, sys\nfrom tfqnoise.benchmark.android import Android\n"
        "from tfqnoise.export.subject import Subject\n"
        "Android(benchmark_model=sys.argv[2])(Subject.of(pathlib.Path(sys.argv[1])), (), None, print)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(exported.path), binary],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    number = phone.home / "device" / "tmp" / "number"
    for _ in range(600):
        if number.exists() and number.read_text():
            break
        time.sleep(0.1)
    # A terminal sends it to adb too.
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in error
    assert phone.left == [number]
    assert phone.ended(number)
