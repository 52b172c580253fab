import dataclasses
import json

import pytest

from tfqnoise.export import targets
from tfqnoise.export.edgetpu_words import CONSTANT, LIMITATION, MAPPED, RANK, SUBGRAPHS, TYPE, UNSUPPORTED, VERSION
from tfqnoise.export.graph import Graph, Operator, Tensor, graph, load


def _tensor(index, shape, kind="INT8", *, constant=False, **more):
    return Tensor(index, f"t{index}", kind, tuple(shape), False, constant, 1, **more)


def _chain(*operators):
    """A model whose operators follow one another: (name, version, shape of the output, further inputs, options)."""
    last = first = _tensor(0, (1, 8, 8, 4))
    made = []
    for number, (name, version, shape, more, options) in enumerate(operators):
        output = _tensor(100 + number, shape)
        made.append(Operator(number, name, version, (last, *more), (output,), options))
        last = output
    return Graph(tuple(made), (first,), (last,), 1)


KERNEL = _tensor(1, (4, 3, 3, 4), constant=True)
CONV = ("CONV_2D", 3, (1, 8, 8, 4), (KERNEL,), {})
SHAPE = _tensor(2, (2,), "INT32", constant=True, values=(1, 256))


def _axes(*values):
    return _tensor(3, (len(values),), "INT32", constant=True, values=values)


def _reasons(model):
    return [found.reason for found in targets.get("edgetpu").check(model).operators]


def test_every_operator_of_compiled_models_is_placed_as_the_compiler_did(shared):
    pairs = shared / "peers" / "edgetpu_pairs"
    wrong = {}
    for record in json.loads((pairs / "expected.json").read_text()):
        found = targets.get("edgetpu").check(graph(load(pairs / record["file"]))).operators
        on_cpu = {operator.index for operator in found if operator.placement == "cpu"}
        wrong[record["file"]] = on_cpu ^ set(record["left_on_cpu"])
        assert len(found) == record["n_ops"]
    assert not {name: operators for name, operators in wrong.items() if operators}


@pytest.mark.parametrize(
    ("operator", "reason"),
    [
        (CONV, MAPPED),
        (("HARD_SWISH", 1, (1, 8, 8, 4), (), {}), UNSUPPORTED),
        (("CUSTOM:Mine", 1, (1, 8, 8, 4), (), {}), UNSUPPORTED),
        (("CONV_2D", 7, (1, 8, 8, 4), (dataclasses.replace(KERNEL, type="INT4"),), {}), VERSION),
        (("FULLY_CONNECTED", 9, (1, 10), (KERNEL,), {}), VERSION),
        (("CONV_2D", 3, (1, 8, 8, 4), (dataclasses.replace(KERNEL, type="FLOAT32"),), {}), TYPE),
        (("ADD", 2, (1, 8, 8, 4), (_tensor(5, (1, 8, 8, 4), "FLOAT32"),), {}), TYPE),
        (("ADD", 2, (2, 8, 8, 4), (), {}), RANK),
        (("CONV_2D", 3, (1, 8, 8, 4), (dataclasses.replace(KERNEL, constant=False),), {}), CONSTANT),
        (("RESHAPE", 1, (1, 256), (_tensor(6, (2,), "INT8"),), {}), CONSTANT),
        (("RESHAPE", 1, (1, 256), (SHAPE,), {}), MAPPED),
        (("CONV_2D", 3, (1, 8, 8, 4), (KERNEL,), {"dilationWFactor": 2, "dilationHFactor": 1}), LIMITATION),
        (("MAX_POOL_2D", 2, (1, 4, 4, 4), (), {"fusedActivationFunction": 1}), LIMITATION),
        (("MAX_POOL_2D", 2, (1, 4, 4, 4), (), {"fusedActivationFunction": 0}), MAPPED),
        (("SOFTMAX", 2, (1, 16_384), (), {}), MAPPED),
        (("SOFTMAX", 2, (1, 16_385), (), {}), LIMITATION),
        (("SOFTMAX", 2, (1, 8, 10), (), {}), LIMITATION),
        (("MEAN", 2, (1, 4), (_axes(1, 2),), {}), MAPPED),
        (("MEAN", 2, (1, 8, 8, 4), (_axes(0),), {}), LIMITATION),
        (("PAD", 2, (1, 10, 10, 4), (_axes(0, 0, 1, 1, 1, 1, 0, 0),), {}), MAPPED),
        (("PAD", 2, (1, 10, 10, 4), (_axes(1, 0, 1, 1, 1, 1, 0, 0),), {}), LIMITATION),
        (("RESIZE_BILINEAR", 3, (1, 16, 16, 4), (_axes(16, 16),), {}), MAPPED),
        (("RESIZE_BILINEAR", 3, (1, 128, 128, 4), (_axes(128, 128),), {}), LIMITATION),
        (("CONCATENATION", 2, (1, 8, 8, 8), (KERNEL, _tensor(7, (1, 8, 8, 4))), {}), LIMITATION),
        (("FULLY_CONNECTED", 4, (1, 8, 10), (KERNEL,), {}), LIMITATION),
        (("PRELU", 1, (1, 8, 8, 4), (_tensor(8, (8, 8, 4), constant=True),), {}), LIMITATION),
        (("PRELU", 1, (1, 8, 8, 4), (_tensor(8, (1, 1, 4), constant=True),), {}), MAPPED),
        (("SQUEEZE", 1, (8, 8, 4), (), {"squeezeDims": [0]}), MAPPED),
        (("SQUEEZE", 1, (1, 8, 8), (), {"squeezeDims": [3]}), LIMITATION),
        (("STRIDED_SLICE", 2, (1, 4, 8, 4), (_axes(0), _axes(4), _axes(1, 1, 1, 1)), {}), MAPPED),
        (("STRIDED_SLICE", 2, (1, 4, 8, 4), (_axes(0), _axes(8), _axes(1, 2, 1, 1)), {}), LIMITATION),
        (("STRIDED_SLICE", 2, (8, 8, 4), (_axes(0), _axes(1), _axes(1, 1)), {"shrinkAxisMask": 1}), LIMITATION),
        (("PACK", 2, (2, 8, 8, 4), (), {"axis": 0}), RANK),
    ],
)
def test_an_operator_by_itself(operator, reason):
    assert _reasons(_chain(operator)) == [reason]
    found = targets.get("edgetpu").check(_chain(operator)).operators[0]
    assert (found.placement == "edgetpu") == (reason == MAPPED) == (not found.remedy)


def test_the_model_is_cut_once():
    swish = ("HARD_SWISH", 1, (1, 8, 8, 4), (), {})
    assert _reasons(_chain(CONV, swish, CONV, CONV)) == [MAPPED, UNSUPPORTED, LIMITATION, LIMITATION]
    assert "cut before operator 1 (HARD_SWISH)" in targets.get("edgetpu").check(_chain(CONV, swish, CONV)).notes


def test_a_branch_beside_the_cut_is_mapped():
    model = _chain(CONV, ("HARD_SWISH", 1, (1, 8, 8, 4), (), {}))
    beside = Operator(2, "CONV_2D", 3, (model.operators[0].outputs[0], KERNEL), (_tensor(9, (1, 8, 8, 4)),), {})
    assert _reasons(dataclasses.replace(model, operators=(*model.operators, beside)))[2] == MAPPED


def test_converting_the_very_input_cuts_nothing():
    cast = ("CAST", 1, (1, 8, 8, 4), (), {})
    assert _reasons(_chain(cast, CONV)) == [UNSUPPORTED, MAPPED]
    assert _reasons(_chain(cast, ("QUANTIZE", 3, (1, 8, 8, 4), (), {}), CONV)) == [UNSUPPORTED, VERSION, MAPPED]
    assert _reasons(_chain(CONV, cast, CONV)) == [MAPPED, UNSUPPORTED, LIMITATION]


def test_of_several_graphs_nothing_is_mapped():
    assert _reasons(dataclasses.replace(_chain(CONV), subgraphs=2)) == [SUBGRAPHS]


def test_parameters_are_weighed_against_the_memory_on_the_chip():
    big = _tensor(1, (1024, 1, 1, 4), constant=True)
    model = _chain(("CONV_2D", 3, (1, 8, 8, 1024), (big,), {}))
    note = targets.get("edgetpu").check(model).notes[0]
    assert f"about {1024 * 4 + 8 * 1024:,} bytes; they fit" in note
    note = targets.get({"name": "edgetpu", "memory": 10_000}).check(model).notes[0]
    assert "don't fit: 2,288 are fetched" in note
