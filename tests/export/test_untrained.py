import pytest

from tfqnoise import Recipe
from tfqnoise.benchmark.budget import Budget, within
from tfqnoise.export.check import check_recipe
from tfqnoise.export.metadata import description
from tfqnoise.export.untrained import untrained


def test_the_estimate_is_as_large_as_the_trained_file(trained):
    content = untrained(trained.recipe, "int8", "narrowest")
    file = (trained.path / "export" / "model.tflite").read_bytes()
    # The accuracy has more digits or fewer, and buffers are aligned to 16 bytes.
    assert len(content) == pytest.approx(len(file), abs=32)
    said, facts = description(content), description(file)
    assert {name for name in facts if said[name] != facts[name]} == {"accuracy"}


@pytest.mark.parametrize("bits", [8, 4])
def test_check_and_a_budget_have_one_estimate(bits):
    recipe, said = Recipe(width=0.25, bits=bits), []
    size = len(untrained(recipe, "int8", "narrowest"))
    within(recipe, Budget(bytes=10**9), said.append)
    assert f", {size:,} bytes" in said[-1]
    if bits == 8:
        line = check_recipe(recipe, "microcontroller").line
        assert "an estimate with fresh weights: once it is trained" in line
        assert f"flash {size:,} bytes" in line
