import os
import signal
import time

import pytest
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.errors import ExportError
from tfqnoise.export import child as child_module
from tfqnoise.export.child import Child
from tfqnoise.export.inspect import read


@pytest.fixture(scope="module")
def content(trained):
    return (trained.path / "export" / "model.tflite").read_bytes()


@pytest.fixture
def blind(monkeypatch):
    """Leaves out what is verified before LiteRT gets a model."""
    monkeypatch.setattr(child_module, "graph", lambda content: None)


def _changed(content, change):
    """Returns a model in which something was done to its graph."""
    model = read(content)
    change(model.subgraphs[0])
    model.signatureDefs = []
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _crashing(content):
    """Returns a model with a scale that LiteRT's kernels abort on."""

    def change(graph):
        graph.tensors[graph.operators[0].outputs[0]].quantization.scale = [1e30]

    return _changed(content, change)


def test_a_sound_model_runs_again_and_again(content, trained):
    with Child() as child:
        assert child.run("model", content) == "XNNPACK"
        process = child._process
        assert child.run("model", content, 2, kernels="built-in") == "built-in"
        assert child.run("float", (trained.path / "export" / "model_float.tflite").read_bytes()) == "XNNPACK"
        assert child._process is process
    assert process.returncode is not None


def test_a_crash_is_an_error_that_names_the_signal(content, blind):
    with Child() as child:
        for _ in range(3):
            with pytest.raises(ExportError, match=r"broken: LiteRT crashes with it \(SIG(SEGV|ABRT)\)"):
                child.run("broken", _crashing(content))
        # Nothing of it stays behind.
        assert child.run("model", content) == "XNNPACK"


def test_such_a_model_is_refused_before_that(content):
    with Child() as child, pytest.raises(ExportError, match=r"broken: .* has a scale that is no step"):
        child.run("broken", _crashing(content))
    assert child._process is None


def test_what_takes_too_long_is_ended(content):
    began = time.monotonic()
    with Child(seconds=0.0005) as child, pytest.raises(ExportError, match=r"doesn't end with it within 0\.0005 s"):
        child.run("slow", content)
    assert time.monotonic() - began < 30


def test_what_takes_too_much_memory_is_refused(content):
    def change(graph):
        graph.tensors[graph.inputs[0]].shape = [1, 1000, 1000, 1]

    wide = _changed(content, change)
    with Child(memory=2**24) as child:
        with pytest.raises(ExportError, match="wide: "):
            child.run("wide", wide)
        child.memory = child_module.MEMORY
        assert child.run("wide", wide) == "XNNPACK"


def test_what_litert_refuses_is_said_in_its_words(content, blind):
    with Child() as child, pytest.raises(ExportError, match=r"hello: .* can't be loaded"):
        child.run("hello", b"hello")


def test_a_model_that_takes_no_picture_is_an_error(content):
    def change(graph):
        graph.tensors[graph.inputs[0]].shape = [2, 8, 8, 1]

    batch = _changed(content, change)
    with Child() as child, pytest.raises(ExportError, match="pair: "):
        child.run("pair", batch)


def test_a_process_that_was_ended_is_started_again(content):
    with Child() as child:
        child.run("model", content)
        os.kill(child._process.pid, signal.SIGKILL)
        child._process.wait()
        with pytest.raises(ExportError, match="the process that runs models ended"):
            child.run("model", content)
        assert child.run("model", content) == "XNNPACK"


def test_a_process_that_does_not_start_is_an_error(content, monkeypatch):
    monkeypatch.setattr(child_module.sys, "executable", "/bin/false")
    with Child() as child, pytest.raises(ExportError, match="doesn't start"):
        child.run("model", content)
