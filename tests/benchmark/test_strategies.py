import dataclasses

import pytest

from tfqnoise import Recipe, Run, strategies
from tfqnoise.benchmark import benchmark
from tfqnoise.errors import UsageError


@pytest.fixture
def run(tmp_path):
    return Run.create(Recipe(width=0.25, bits=32, batch_size=32, epochs=4), tmp_path / "run")


def test_two_networks_take_longer_than_one(tmp_path, monkeypatch, silent):
    # Of a smaller network or batch a step is mostly overhead, which is the same for one network and for two.
    run = Run.create(Recipe(width=0.5, bits=32, batch_size=64, epochs=4), tmp_path / "run")
    entries = strategies.registry.entries()
    monkeypatch.setattr(strategies.registry, "entries", lambda: {n: entries[n] for n in ("co_teaching", "plain")})
    result = benchmark(run, "strategies", repetitions=5, report=silent)
    rows = {row["strategy"]: row for row in result["rows"]}
    assert list(rows) == ["co_teaching", "plain"]
    for moment in ("early", "late"):
        assert rows["co_teaching"][moment] > 1.2
        low, high = rows["plain"][f"{moment}_p10_p90"]
        assert low <= rows["plain"][moment] <= high
    assert run.read_json("benchmark/strategies.json")["rows"] == result["rows"]


@pytest.mark.slow
def test_every_strategy_can_be_timed(run, silent):
    result = benchmark(run, "strategies", repetitions=1, report=silent)
    assert {row["strategy"] for row in result["rows"]} == set(strategies.registry.entries())
    assert all(row["early"] > 0 < row["late"] for row in result["rows"])


def test_several_labels_a_picture_are_refused(tmp_path, silent):
    path = tmp_path / "labels.csv"
    from PIL import Image

    for number in range(40):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    rows = "".join(f"{number}.png,{number % 2},{number % 3 == 0:d}\n" for number in range(40))
    path.write_text("path,round,red\n" + rows)
    recipe = dataclasses.replace(Recipe(), dataset=f"multilabel:{path}", image_size=8)
    with pytest.raises(UsageError, match="one label a picture"):
        benchmark(Run.create(recipe, tmp_path / "run"), "strategies", report=silent)
