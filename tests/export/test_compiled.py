import json

import pytest
from ai_edge_litert.tools import flatbuffer_utils

from tfqnoise.benchmark import benchmark
from tfqnoise.cli import run_command
from tfqnoise.errors import ExportError
from tfqnoise.export import targets, vela
from tfqnoise.export.arena import arena_bytes
from tfqnoise.export.check import check
from tfqnoise.export.compiled import already, compiled_for
from tfqnoise.export.graph import EDGE_TPU, graph
from tfqnoise.export.inspect import read


@pytest.fixture(scope="module")
def vela_file(trained, tmp_path_factory):
    """Compiles the trained model with the Vela that there is."""
    program = vela.find()
    if program is None:
        pytest.skip(f"Vela isn't installed: {vela.HOW}")

    def compiled(accelerator):
        folder = tmp_path_factory.mktemp("vela")
        model = str(trained.path / "export" / "model.tflite")
        vela._run([program, model, "--accelerator-config", accelerator, "--output-dir", str(folder)], str(folder))
        return folder / "model_vela.tflite"

    return compiled


@pytest.mark.parametrize("accelerator", ["ethos-u55-128", "ethos-u65-512", "ethos-u85-256"])
def test_velas_files_say_what_they_are_compiled_for(vela_file, accelerator, capsys):
    path = vela_file(accelerator)
    model = graph(path.read_bytes())
    assert compiled_for(model) == accelerator
    said = f"compiled for {accelerator} already, by 1 of 1 operators"
    assert already(model) == said
    assert run_command("inspect", [str(path)]) == 0
    assert said in capsys.readouterr().out
    assert run_command("inspect", [str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["compiled"] == said
    name, _, macs = accelerator.rpartition("-")
    found = check(path, json.dumps({"name": name.replace("-", "_"), "macs": int(macs)}))
    assert (found.passed, [each.reason for each in found.operators]) == (True, ["compiled already"])
    assert found.notes == (said,)


def test_other_targets_want_the_model_from_before(vela_file, silent):
    path = vela_file("ethos-u55-128")
    for target in ("generic", "android", "edgetpu", "microcontroller", "browser"):
        found = check(path, target)
        assert not found.passed
        assert "compiled for ethos-u55-128 already, by 1 of 1 operators" in found.notes
        assert "compiled for Ethos-U already" in found.away[0].reason + found.away[0].remedy
    other = check(path, "ethos_u65")
    assert other.problems == ("it is compiled for ethos-u55-128, not ethos-u65-512; compile it anew",)
    with pytest.raises(ExportError, match="compiled for ethos-u55-128 already"):
        benchmark(path, "ethos_u55", report=silent)
    # What the accelerator works in is most of the memory.
    scratch = next(each for each in graph(path.read_bytes()).operators[0].given if each.name == "scratch")
    assert arena_bytes(graph(path.read_bytes())) == scratch.bytes > 0


def _renamed(trained, code):
    """Returns the model with its first kind of operator called like a custom one."""
    model = read((trained.path / "export" / "model.tflite").read_bytes())
    kind = model.operatorCodes[model.subgraphs[0].operators[-1].opcodeIndex]
    kind.builtinCode = kind.deprecatedBuiltinCode = 32
    kind.customCode = code
    last = model.subgraphs[0].operators[-1]
    last.builtinOptions, last.builtinOptionsType = None, 0
    model.signatureDefs = []
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def test_without_commands_the_accelerator_stays_unsaid(trained):
    model = graph(_renamed(trained, b"ethos-u"))
    count = len(model.operators)
    assert already(model) == f"compiled for Ethos-U already, by 1 of {count} operators"
    assert compiled_for(model) == ""
    found = targets.get("ethos_u55").check(model)
    assert [each.placement for each in found.operators] == ["cpu"] * (count - 1) + ["ethos_u55"]
    assert {each.reason for each in found.away} == {"left by the compiler"}


def test_a_model_compiled_for_the_edge_tpu_is_known_too(trained):
    model = graph(_renamed(trained, b"edgetpu-custom-op"))
    assert model.operators[-1].name == EDGE_TPU
    assert already(model).startswith("compiled for the Edge TPU already, by 1 of")
    assert targets.get("edgetpu").check(model).operators[-1].placement == "edgetpu"
    assert already(graph((trained.path / "export" / "model.tflite").read_bytes())) == ""


def test_what_nothing_computes_is_refused_of_other_operators(trained):
    content = _renamed(trained, b"other")
    model = read(content)
    part = model.subgraphs[0]
    part.operators[-1].inputs = [part.operators[-1].inputs[0], len(part.tensors)]
    tensor = type(part.tensors[0])()
    tensor.shape, tensor.type, tensor.buffer, tensor.name = [8], 9, 0, b"loose"
    part.tensors.append(tensor)
    with pytest.raises(ExportError, match="which nothing computes"):
        graph(bytes(flatbuffer_utils.convert_object_to_bytearray(model)))
