import numpy as np
import pytest

from tfqnoise.export import targets
from tfqnoise.export.edgetpu_operators import NEWEST
from tfqnoise.export.graph import Graph, Operator, Tensor, graph
from tfqnoise.export.operands import fault

NAMES = sorted(targets.registry.entries())


@pytest.fixture(scope="module")
def models(trained):
    return {
        name: graph((trained.path / "export" / f"{name}.tflite").read_bytes()) for name in ("model", "model_float")
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_trained_int8_model_runs_on_every_target_but_for_borders(models, name):
    found = targets.get(name).check(models["model"])
    assert [operator.index for operator in found.operators] == list(range(len(models["model"].operators)))
    assert not found.away, found.table()
    assert found.passed == ("int8" in targets.get(name).io)
    assert f"target {name}: 14 of 14" in found.line


@pytest.mark.parametrize("name", NAMES)
def test_a_float_model_is_refused_where_floats_are(models, name):
    found = targets.get(name).check(models["model_float"])
    assert found.passed == ("float32" in targets.get(name).io)
    if not found.passed:
        assert found.faults
        assert all(operator.remedy for operator in found.away)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_exported_for_a_target_is_what_it_takes(name):
    target = targets.get(name)
    assert set(target.io) & {"int8", "uint8"}
    assert target.storage in ("narrowest", "int4", "int8")


def _operator(random):
    """Returns any operator of the Edge TPU with any inputs, outputs and options."""

    def tensor(index):
        shape = tuple(int(size) for size in random.choice([1, 1, 2, 4, 0], random.integers(6)))
        values = tuple(int(value) for value in random.integers(-3, 4, random.integers(4))) or None
        constant = bool(random.integers(2))
        kind = str(random.choice(["INT8", "INT8", "INT8", "INT32"]))
        return Tensor(index, f"t{index}", kind, shape, False, constant, 1, values if constant else None)

    inputs = tuple(tensor(index) if random.random() < 0.95 else None for index in range(random.integers(5)))
    outputs = tuple(tensor(10 + index) for index in range(random.integers(0, 4)))
    names = ("axis", "squeezeDims", "numSplits", "valuesCount", "weightsFormat", "strideW", "strideH")
    names += ("filterWidth", "filterHeight", "dilationWFactor", "dilationHFactor")
    options = {name: int(random.integers(-1, 4)) for name in names if random.random() < 0.9}
    if "squeezeDims" in options:
        options["squeezeDims"] = [options["squeezeDims"]]
    name = str(random.choice(sorted(NEWEST)))
    return Operator(0, name, 1, inputs, outputs, options)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("ethos")])
def test_no_operator_that_passes_makes_a_target_stumble(name):
    """Ethos-U is left to Vela."""
    random, target, passed = np.random.default_rng(0), targets.get(name), set()
    for _ in range(5000):
        operator = _operator(random)
        if not fault(operator):
            passed.add(operator.name)
            target.check(Graph((operator,), operator.given[:1], operator.outputs, 1)).table()
    assert len(passed) > 0.7 * len(NEWEST)
