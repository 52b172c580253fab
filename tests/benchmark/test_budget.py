import dataclasses

import pytest

from tfqnoise import assembly
from tfqnoise.benchmark import budget
from tfqnoise.benchmark.budget import Budget, within
from tfqnoise.compression import plan
from tfqnoise.compression.pruning import filters
from tfqnoise.data import dataset as data
from tfqnoise.errors import PlanError, UsageError
from tfqnoise.networks import cost
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run

RECIPE = Recipe(width=0.5)


def _macs(recipe):
    dataset = data.load(recipe)
    network = assembly.build(recipe, dataset.input_shape, dataset.classes)
    if recipe.shrinks:
        network = filters.prune(recipe, network, {}, filters.sizes(network), 1, dataset.test.images[:1]).network
    return cost.macs(network)


def test_the_least_ratio_that_is_enough_is_found():
    limit = _macs(RECIPE) // 3
    said = []
    found = within(RECIPE, Budget(macs=limit), said.append)
    assert _macs(found) <= limit < _macs(dataclasses.replace(found, pruning_ratio=found.pruning_ratio - 0.01))
    assert f"{_macs(found):,} multiply-accumulates" in said[-1]
    assert f"--max-macs {limit:,}" in said[-1]


def test_what_fits_already_stays_as_it_is():
    said = []
    assert within(RECIPE, Budget(10**9, 10**9), said.append) == RECIPE
    assert "kept as it is" in said[-1]
    assert " bytes" in said[-1]
    assert within(RECIPE, Budget(), said.append) is RECIPE
    # Settings of a removal that isn't needed would be refused as idle.
    prepared = dataclasses.replace(RECIPE, criterion="thinet", pruning_steps=2)
    assert within(prepared, Budget(10**9), said.append) == RECIPE
    some = dataclasses.replace(prepared, pruning_ratios=("stem=0.5",))
    assert within(some, Budget(10**9), said.append) == some


def test_what_the_run_of_weights_has_lost_counts(tmp_path):
    dataset = data.load(RECIPE)
    network = assembly.build(RECIPE, dataset.input_shape, dataset.classes)
    earlier = dataclasses.replace(RECIPE, pruning_ratio=0.5)
    pruned = filters.prune(earlier, network, {}, filters.sizes(network), 1, dataset.test.images[:1])
    Run(tmp_path).write_json("recipe.json", earlier.to_dict())
    Run(tmp_path).write_arrays("weights.npz", {f"filters/{name}": left for name, left in pruned.filters.items()})
    recipe = dataclasses.replace(RECIPE, weights=str(tmp_path))
    assert within(recipe, Budget(macs=cost.macs(pruned.network)), lambda text: None) == recipe
    assert 0 < within(recipe, Budget(macs=cost.macs(pruned.network) // 2), lambda text: None).pruning_ratio < 0.5
    with pytest.raises(UsageError, match=r"run of --weights has the network resnet8, of width 0\.5"):
        within(dataclasses.replace(recipe, width=1.0), Budget(macs=1000))


def test_what_stages_lack_is_found_before_networks_are_measured(monkeypatch):
    monkeypatch.setattr(budget, "_Costs", None)
    with pytest.raises(PlanError, match="1 epochs for the stages float, shrink, quantise"):
        within(dataclasses.replace(RECIPE, bits=8, epochs=1), Budget(latency_ms=1.0))


def test_stages_may_say_when_filters_are_removed():
    recipe = dataclasses.replace(RECIPE, stages="float:1,shrink:1,quantise:1", epochs=3)
    said = []
    found = within(recipe, Budget(bytes=10**6), said.append)
    assert " bytes" in said[-1]
    # With nothing to remove, a stage of that name would be refused.
    assert found == dataclasses.replace(recipe, stages="float:1,float:1,quantise:1")
    assert [phase.shrunk for phase in plan.phases(found)] == [0, 0, 0]
    fewer = within(recipe, Budget(macs=_macs(RECIPE) // 2), said.append)
    assert fewer.stages == recipe.stages


@pytest.mark.slow
def test_bytes_are_those_of_the_file(tmp_path, silent):
    from tfqnoise.export import export
    from tfqnoise.training.train import train

    found = within(dataclasses.replace(RECIPE, epochs=3, steps_per_epoch=2, batch_size=32), Budget(bytes=20_000))
    assert 0 < found.pruning_ratio < 0.9
    run = train(found, tmp_path / "run", report=silent)
    size = export(run, report=silent)["bytes"]
    assert 19_000 < size <= 20_000


def test_a_latency_is_measured():
    said = []
    found = within(RECIPE, Budget(latency_ms=1000.0), said.append)
    assert found == RECIPE
    assert " ms" in said[-1]


@pytest.mark.parametrize(
    ("settings", "budget", "message"),
    [
        ({"pruning_ratio": 0.5}, {"macs": 1000}, "or a ratio"),
        ({"pruning_scope": "global"}, {"macs": 1000}, "or a ratio"),
        ({"bits": 32}, {"bytes": 1000}, "an integer model"),
        ({}, {"macs": 10}, "a smaller --network"),
    ],
)
def test_what_can_not_be_met_is_refused(settings, budget, message):
    with pytest.raises(UsageError, match=message):
        within(dataclasses.replace(RECIPE, **settings), Budget(**budget))


def test_a_criterion_that_can_judge_nothing_is_named():
    recipe = Recipe(network="alexnet", width=0.05, criterion="batch_norm_scale")
    with pytest.raises(PlanError, match="batch_norm_scale can judge no layer of alexnet"):
        within(recipe, Budget(macs=10))


def test_limits_are_positive():
    with pytest.raises(UsageError, match="--max-bytes 0"):
        Budget(bytes=0)
