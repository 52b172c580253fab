"""Latency of the exported model on an Android device, measured by Google's `benchmark_model`."""

import dataclasses
import hashlib
import math
import re
import signal
import struct
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfqnoise.benchmark import register
from tfqnoise.benchmark.adb import Answer, Device, connect, version
from tfqnoise.benchmark.timings import delegated, last_lines, lines, operators, timings
from tfqnoise.errors import DeviceError, UsageError, did_you_mean
from tfqnoise.export.graph import graph, load
from tfqnoise.export.subject import Subject

_REPETITIONS = 200
_MOST_THREADS = 64
_PROFILE = "profile.csv"
_SOURCE = (
    "Google has it ready for use: the nightly prebuilt command-line binary for Android, which the page "
    "'Performance measurement' of the LiteRT (TensorFlow Lite) documentation links to; take the one of your device's "
    "architecture (android_aarch64 for nearly all)"
)
# Left out, the build's own default stays; XNNPACK takes what a GPU or NNAPI leaves.
_DELEGATES = {
    "cpu": ("--use_xnnpack=false",),
    "xnnpack": ("--use_xnnpack=true",),
    "gpu": ("--use_gpu=true",),
    "nnapi": ("--use_nnapi=true",),
}
# e_machine of ELF.
_MACHINES = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
# What a kernel runs, by `uname -m`; most 64-bit ones still run 32 bits.
_RUNS = {
    "aarch64": ("aarch64", "arm"),
    "armv8l": ("arm", "aarch64"),
    "armv7l": ("arm",),
    "x86_64": ("x86_64", "i386"),
    "i686": ("i386",),
    "riscv64": ("riscv64",),
}
_PROPERTIES = (
    "ro.product.manufacturer",
    "ro.product.model",
    "ro.soc.manufacturer",
    "ro.soc.model",
    "ro.board.platform",
    "ro.product.cpu.abilist",
    "ro.build.version.release",
    "ro.build.version.sdk",
    "ro.build.fingerprint",
)


@register(reference="TensorFlow Lite Model Benchmark Tool (tensorflow/lite/tools/benchmark)")
@dataclasses.dataclass(frozen=True)
class Android:
    """An Android device, through adb and your copy of Google's benchmark_model; leaves nothing behind on it.

    Args:
        serial: which device; may be left out where there is one.
        benchmark_model: path of the binary, built for the device.
        threads: of the interpreter.
        taskset: mask of the cores to use, in hexadecimal, such as "f0"; all of them if None.
        delegate: "cpu" (built-in kernels), "xnnpack", "gpu" or "nnapi".
        profile: whether to ask for the time of each operator too, which costs some.
        adb: name or path of the client.
        timeout: seconds that a single command on the device may take.

    Raises:
        UsageError: for settings that can't be used.
    """

    serial: str | None = None
    benchmark_model: str = ""
    threads: int = 1
    taskset: str | None = None
    delegate: str = "xnnpack"
    profile: bool = False
    adb: str = "adb"
    timeout: float = 300.0

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= _MOST_THREADS:
            raise UsageError(
                f"--threads {self.threads}", f"1 to {_MOST_THREADS}", "give it as many as it has big cores"
            )
        mask = self.taskset
        if mask is not None and (not re.fullmatch(r"[0-9a-fA-F]{1,16}", mask) or int(mask, 16) == 0):
            raise UsageError(
                f"--taskset {mask}", "a mask in hexadecimal, a bit for each core", "for cores 4 to 7 write f0"
            )
        if self.delegate not in _DELEGATES:
            raise UsageError(
                f"--delegate {self.delegate}", "a delegate that is known", did_you_mean(self.delegate, _DELEGATES)
            )
        if not 0 < self.timeout < math.inf:
            raise UsageError(f"--timeout {self.timeout:g}", "more than 0 seconds", "leave it out for 300")

    def __call__(
        self, subject: Subject, peers: Sequence[Path], repetitions: int | None, report: Callable[[str], None]
    ) -> dict[str, Any]:
        """Measures, as each benchmark target does.

        Raises:
            RunError: if the run isn't exported.
            DeviceError: if anything fails on the way to the device or on it.
        """
        model = subject.model("android", report)
        border = graph(load(model)).inputs[0].type.lower()
        binary, architecture = _binary(self.benchmark_model)
        device = connect(self.adb, self.serial, self.timeout)
        described = _described(device)
        _check_architecture(binary, architecture, described["architecture"])
        command = self._command(repetitions or _REPETITIONS)
        report(f"{device.serial}: {' '.join(command)}")
        log, profiled = _measured(device, {"model.tflite": model, "benchmark_model": binary}, command, report)
        if subject.run is not None:
            path = subject.run.write_bytes("benchmark/android.log", log.encode())
            report(f"all that it wrote is in {path}")
        row = {"model": "model", "type": border, "bytes": model.stat().st_size}
        row |= {"threads": self.threads, "kernel": self.delegate, **timings(log)}
        result = {
            "rows": [row],
            "delegated": delegated(log),
            "taskset": self.taskset,
            "command": command,
            "operators": operators(profiled or log) if self.profile else None,
            "device": described,
            "versions": {"adb": version(device.adb)},
            "benchmark_model": {"architecture": architecture, "sha256": _sha256(binary)},
            "sha256": _sha256(model),
        }
        _say(result, report)
        return result

    def _command(self, repetitions: int) -> list[str]:
        flags = ["--graph=model.tflite", f"--num_threads={self.threads}", f"--num_runs={repetitions}"]
        # Builds that don't know the file write the profile into their output.
        profile = ["--enable_op_profiling=true", f"--profiling_output_csv_file={_PROFILE}"] if self.profile else []
        pinned = ["taskset", self.taskset] if self.taskset else []
        return [*pinned, "./benchmark_model", *flags, *_DELEGATES[self.delegate], *profile]


def _binary(path: str) -> tuple[Path, str]:
    """Returns the user's benchmark_model and its architecture, read from its ELF header."""
    if not path:
        raise UsageError("no --benchmark-model", "your copy of Google's benchmark_model", _SOURCE)
    binary = Path(path)
    if not binary.is_file():
        raise UsageError(f"--benchmark-model {path} is no file", "Google's benchmark_model", _SOURCE)
    with binary.open("rb") as file:
        header = file.read(20)
    if len(header) < 20 or header[:4] != b"\x7fELF" or header[5] not in (1, 2):
        raise UsageError(f"--benchmark-model {path} is no ELF file", "a binary for Android", _SOURCE)
    (machine,) = struct.unpack("<H" if header[5] == 1 else ">H", header[18:20])
    return binary, _MACHINES.get(machine, f"machine {machine} of ELF")


def _described(device: Device) -> dict[str, Any]:
    """Returns what the device says of itself; a shell without getprop says less."""
    kernel = device.shell("uname", "-m")
    lines = dict(re.findall(r"^\[(.+?)\]: \[(.*)\]$", device.shell("getprop").text, re.MULTILINE))
    cores = device.shell("nproc")
    return {
        "serial": device.serial,
        "architecture": kernel.text.strip() if kernel.status == 0 else "",
        "cores": int(cores.text) if cores.status == 0 and cores.text.strip().isdigit() else None,
        "properties": {name: lines[name] for name in _PROPERTIES if lines.get(name)},
    }


def _check_architecture(binary: Path, architecture: str, device: str) -> None:
    """Refuses a binary that the device can't execute; of an unknown device nothing is known."""
    fits = _RUNS.get(device)
    if fits is not None and architecture not in fits:
        raise UsageError(f"{binary} is built for {architecture}", f"{fits[0]}, which the device is", _SOURCE)


def _measured(
    device: Device, files: dict[str, Path], command: list[str], report: Callable[[str], None]
) -> tuple[str, str]:
    """Runs the benchmark on the device; returns its output and the file with its profile, or "" for none."""
    with device.workspace(report) as folder:
        for name, path in files.items():
            device.push(path, f"{folder}/{name}")
        device.shell("chmod", "700", f"{folder}/benchmark_model")
        answer = device.run(folder, *command)
        if answer.status:
            raise _failed(device, answer)
        with tempfile.TemporaryDirectory() as temporary:
            local = Path(temporary) / _PROFILE
            found = f"--profiling_output_csv_file={_PROFILE}" in command and device.pull(
                f"{folder}/{_PROFILE}", local
            )
            return answer.text, local.read_text(errors="replace") if found else ""


def _failed(device: Device, answer: Answer) -> DeviceError:
    """Returns what to say of a benchmark that ended badly, by its exit code and its last words."""
    text, said = answer.text, f"; it ends with\n{last_lines(answer.text)}"
    if "No space left" in text:
        return DeviceError(
            f"{device.serial} has no space left{said}", "room for the model", "free space on the device"
        )
    if answer.status == 126:
        what = f"{device.serial} doesn't execute benchmark_model{said}"
        return DeviceError(what, "a binary for this device, and permission to execute it", _SOURCE)
    if answer.status == 127:
        remedy = (
            "leave --taskset out" if "taskset" in text else f"a build for Android, not for other Linux. {_SOURCE}"
        )
        return DeviceError(f"{device.serial} doesn't find what it needs{said}", "a benchmark that starts", remedy)
    if answer.status > 128:
        number = answer.status - 128
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        remedy = "try --delegate cpu, or another build of benchmark_model"
        return DeviceError(f"benchmark_model was ended by {name}{said}", "a benchmark that comes to its end", remedy)
    if "taskset" in text and "count=" not in text:
        return DeviceError(f"taskset failed{said}", "a mask of cores that the device has", "choose another --taskset")
    if re.search(r"Failed to apply .* delegate", text):
        remedy = "try --delegate xnnpack or cpu; tfqnoise check --target android says what the model holds"
        return DeviceError(f"the delegate refused the model{said}", "a model that it takes", remedy)
    remedy = "use a newer build of benchmark_model, or export with --target android"
    return DeviceError(f"benchmark_model refused the model{said}", "a benchmark that ends with exit code 0", remedy)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _say(result: dict[str, Any], report: Callable[[str], None]) -> None:
    row = result["rows"][0]
    properties = result["device"]["properties"]
    name = properties.get("ro.product.model", result["device"]["serial"])
    median = f", median {row['p50_us']:,.0f}" if "p50_us" in row else ""
    report(
        f"{name}, {row['kernel']}, threads {row['threads']}: {row['mean_us']:,.1f} µs a picture (mean of "
        f"{row['samples']}{median}, from {row['min_us']:,.0f} to {row['max_us']:,.0f})"
    )
    if result["delegated"] in ("not", "partially"):
        took = {"not": "nothing", "partially": "a part"}[result["delegated"]]
        report(f"{row['kernel']} took {took} of the model; the rest ran on the CPU")
    if result["operators"] is not None and not result["operators"]:
        report("this build of benchmark_model wrote no profile")
    if result["operators"]:
        report(lines(result["operators"]))
