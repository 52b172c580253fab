import pytest

from tfqnoise.export import targets
from tfqnoise.export.graph import graph

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
