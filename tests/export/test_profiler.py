import pytest

from tfqnoise.errors import ExportError
from tfqnoise.export import profiler
from tfqnoise.export.child import Child


@pytest.fixture(scope="module")
def content(trained):
    return (trained.path / "export" / "model.tflite").read_bytes()


@pytest.mark.parametrize(("kernels", "word"), [("XNNPACK", "Delegate/Convolution"), ("built-in", "CONV_2D")])
def test_litert_profiles_each_kernel_by_operator(content, kernels, word):
    with Child() as child:
        table, runs = child.profile("model", content, 1, kernels, 7)
        assert runs == 7
        assert " Run Order " in table
        assert word in table
        # The process is sound afterwards.
        assert child.run("model", content) == "XNNPACK"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("_LIBRARY", "libNone.so", "cannot open shared object"),
        ("_KERNELS", {"XNNPACK": "no such kernels"}, "LiteRtCreateCompiledModel ends with status"),
        ("_RUNTIME", b"of_another_version", "it has no profiler"),
    ],
)
def test_a_litert_that_doesnt_profile_is_named(content, monkeypatch, name, value, message):
    monkeypatch.setattr(profiler, name, value)
    with pytest.raises(ExportError, match=rf"LiteRT \d.* makes no profile by operator here: .*{message}") as caught:
        profiler.profiled(content, 1, "XNNPACK", 1)
    assert "leave --profile out" in caught.value.remedy


def test_a_function_that_is_gone_is_an_error_too(content, monkeypatch):
    monkeypatch.setattr(profiler._Profiler, "__init__", lambda *_: object().LiteRtCreateEnvironment)
    with pytest.raises(ExportError, match="LiteRtCreateEnvironment"):
        profiler.profiled(content, 1, "XNNPACK", 1)
