"""The road to an Edge TPU, with LiteRT for real and a shared library that stands in for libedgetpu."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.benchmark import benchmark
from tfqnoise.cli import run_command
from tfqnoise.errors import DeviceError, ExportError, RunError
from tfqnoise.export.inspect import read
from tfqnoise.run import Run

MODEL = Path(__file__).resolve().parents[2] / "models" / "resnet8_cifar10_noise40_int8" / "model.tflite"
CUSTOM = 32

# A delegate as LiteRT takes it, which takes every operator and computes nothing.
STAND_IN = """
#include <stddef.h>
#include <stdint.h>
typedef struct Array Array;
typedef struct Context Context;
typedef struct Delegate Delegate;
typedef struct {
    void *init, *release, *prepare, *invoke, *profile;
    int32_t code;
    const char *name;
    int32_t version;
    void *rest[8];
} Kernel;
struct Context {
    size_t tensors;
    int (*plan)(Context *, Array **);
    void *between[6];
    int (*replace)(Context *, Kernel, const Array *, Delegate *);
};
struct Delegate {
    void *data;
    int (*prepare)(Context *, Delegate *);
    void *between[3];
    int64_t flags;
    void *builder;
};
static int nothing(Context *context, void *node) { return 0; }
static int take(Context *context, Delegate *delegate) {
    Array *all;
    Kernel kernel = {.prepare = nothing, .invoke = nothing, .name = "StandIn", .version = 1};
    if (CRASHES) __builtin_trap();
    return context->plan(context, &all) || context->replace(context, kernel, all, delegate);
}
static Delegate only = {.prepare = take, .flags = 1};
Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
    return DEVICE ? &only : NULL;
}
void tflite_plugin_destroy_delegate(Delegate *delegate) {}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A file as edgetpu_compiler writes them: one custom operator from the input to the output."""
    model = read(MODEL.read_bytes())
    graph = model.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = CUSTOM
    code.customCode, code.version = b"edgetpu-custom-op", 1
    model.operatorCodes, model.signatureDefs = [code], []
    operator = graph.operators[0]
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, graph.inputs, graph.outputs
    operator.builtinOptions, operator.builtinOptionsType = None, 0
    graph.operators = [operator]
    path = tmp_path_factory.mktemp("compiled") / "model_edgetpu.tflite"
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    return path


@pytest.fixture
def library(tmp_path):
    """Builds a stand-in for libedgetpu."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler, for a library that stands in for libedgetpu")

    def built(device=1, crashes=0):
        (tmp_path / "stand_in.c").write_text(STAND_IN)
        path = tmp_path / "libstandin.so"
        flags = ["-shared", "-fPIC", "-w", f"-DDEVICE={device}", f"-DCRASHES={crashes}", "-o", str(path)]
        subprocess.run([compiler, *flags, str(tmp_path / "stand_in.c")], check=True)
        return str(path)

    return built


def test_a_compiled_model_is_timed_where_the_delegate_takes_it(compiled, library, capsys):
    flags = ["--target", "edgetpu", "--library", library(), "--repetitions", "30", "--json"]
    assert run_command("benchmark", [str(compiled), *flags]) == 0
    found = json.loads(capsys.readouterr().out)
    row = found["rows"][0]
    assert (row["kernel"], row["type"], row["samples"], found["on_cpu"]) == ("edgetpu", "int8", 30, [])
    assert 0 < row["p50_us"] <= row["p90_us"] <= row["p99_us"]


def test_without_the_library_it_says_how_to_get_it(compiled, capsys):
    assert run_command("benchmark", [str(compiled), "--target", "edgetpu", "--library", "libedgetpu-none.so.1"]) == 2
    said = capsys.readouterr().err
    assert "libedgetpu-none.so.1 can't be loaded: libedgetpu-none.so.1: cannot open shared object file" in said
    assert "libedgetpu1-std" in said
    assert "Traceback" not in said


def test_a_file_that_is_no_library_is_an_error(compiled, tmp_path, silent):
    (tmp_path / "libedgetpu.so.1").write_bytes(b"no library")
    with pytest.raises(DeviceError, match=r"can't be loaded: .*(too short|invalid ELF header)"):
        benchmark(compiled, {"name": "edgetpu", "library": str(tmp_path / "libedgetpu.so.1")}, report=silent)


def test_a_library_that_drives_nothing_is_an_error(compiled, silent):
    with pytest.raises(DeviceError, match=r"libm\.so\.6 drives nothing"):
        benchmark(compiled, {"name": "edgetpu", "library": "libm.so.6"}, report=silent)


def test_no_device_is_said_though_the_library_gives_no_reason(compiled, library, silent):
    with pytest.raises(DeviceError, match=r"finds no Edge TPU \(it gives no reason\)") as caught:
        benchmark(compiled, {"name": "edgetpu", "library": library(device=0)}, report=silent)
    assert "lsusb" in caught.value.remedy


def test_a_library_that_crashes_doesnt_take_this_process_with_it(compiled, library, silent):
    with pytest.raises(ExportError, match=r"LiteRT crashes with it \(SIGILL\)") as caught:
        benchmark(compiled, {"name": "edgetpu", "library": library(crashes=1)}, report=silent)
    assert "another build of the library" in caught.value.remedy


def test_a_model_that_isnt_compiled_is_told_how(tmp_path, silent, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ExportError, match=r"isn't compiled for the Edge TPU \(it has no edgetpu-custom-op\)"
    ) as caught:
        benchmark(MODEL, "edgetpu", report=silent)
    assert f"edgetpu_compiler -s {MODEL}" in caught.value.remedy
    with pytest.raises(RunError, match="is missing"):
        benchmark(Run(tmp_path), "edgetpu", report=silent)


@pytest.mark.parametrize("maps", [True, False])
def test_with_the_compiler_on_the_path_it_is_compiled_first(compiled, library, tmp_path, monkeypatch, capsys, maps):
    program = tmp_path / "edgetpu_compiler"
    row = "CONV_2D 9 Mapped to Edge TPU" if maps else "CONV_2D 9 Operation version not supported"
    made = compiled if maps else MODEL
    program.write_text(
        f'#!/bin/sh\necho "Edge TPU Compiler version 16.0"\necho "{row}"\n'
        f'/bin/cp "{made}" "$3/model_edgetpu.tflite"\n'
    )
    program.chmod(0o755)
    flags = ["--target", "edgetpu", "--library", library(), "--repetitions", "3"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_command("benchmark", [str(MODEL), *flags]) == (0 if maps else 2)
    said = capsys.readouterr()
    assert ("9 operators mapped" in said.out) == maps
    assert ("maps no operator" in said.err) != maps
