import dataclasses

import pytest

from tfqnoise.compression.plan import LayerReport, phases, stages, table
from tfqnoise.errors import PlanError
from tfqnoise.recipe import Recipe

WORDS = (
    "quantised",
    "batch_norm_frozen",
    "shrunk",
    "pruning",
    "pruned",
    "clustering",
    "snapped",
    "rotation",
    "trusted",
)


def _said(recipe):
    return [(p.start, p.end, *(word for word in WORDS if getattr(p, word))) for p in phases(recipe)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"freeze_batch_norm": 0.2}, [(0, 8, "quantised"), (8, 10, "quantised", "batch_norm_frozen")]),
        ({"freeze_batch_norm": 0.0}, [(0, 10, "quantised")]),
        ({"bits": 32, "freeze_batch_norm": 0.2}, [(0, 8), (8, 10, "batch_norm_frozen")]),
        (
            {"float_epochs": 3, "freeze_batch_norm": 0.3},
            [(0, 3), (3, 7, "quantised"), (7, 10, "quantised", "batch_norm_frozen")],
        ),
        (
            {"float_epochs": 9, "freeze_batch_norm": 0.3},
            [(0, 7), (7, 9, "batch_norm_frozen"), (9, 10, "quantised", "batch_norm_frozen")],
        ),
        (
            {"clusters": 4, "freeze_batch_norm": 0.0},
            [(0, 6, "quantised"), (6, 8, "quantised", "clustering"), (8, 10, "quantised", "snapped")],
        ),
        (
            {"clusters": 4, "clustering": "tfmot", "freeze_batch_norm": 0.0},
            [(0, 4), (4, 7, "clustering"), (7, 10, "quantised", "snapped")],
        ),
        ({"sparsity": 0.5, "bits": 32, "freeze_batch_norm": 0.0}, [(0, 5, "pruning"), (5, 10, "pruned")]),
        (
            {"sparsity": 0.5, "freeze_batch_norm": 0.0},
            [(0, 5, "pruning"), (5, 10, "quantised", "pruned")],
        ),
        (
            {"sparsity": 0.5, "clusters": 4, "freeze_batch_norm": 0.0, "float_epochs": 2},
            [
                (0, 2),
                (2, 5, "pruning"),
                (5, 7, "quantised", "pruned"),
                (7, 9, "quantised", "pruned", "clustering"),
                (9, 10, "quantised", "pruned", "snapped"),
            ],
        ),
        (
            {"pruning_ratio": 0.5, "freeze_batch_norm": 0.0},
            [(0, 3), (3, 6, "shrunk"), (6, 10, "quantised", "shrunk")],
        ),
        ({"pruning_ratio": 0.5, "bits": 32, "freeze_batch_norm": 0.0}, [(0, 3), (3, 10, "shrunk")]),
        (
            {"pruning_ratio": 0.5, "weights": "a run", "freeze_batch_norm": 0.0, "pruning_steps": 2},
            [(0, 1, "shrunk"), (1, 3, "shrunk"), (3, 10, "quantised", "shrunk")],
        ),
        (
            {
                "pruning_ratio": 0.5,
                "pruning_steps": 3,
                "clusters": 4,
                "stages": "float:1,shrink:3,quantise:2,cluster:2,snap:2",
                "freeze_batch_norm": 0.0,
            },
            [
                (0, 1),
                *((n, n + 1, "shrunk") for n in (1, 2, 3)),
                (4, 6, "quantised", "shrunk"),
                (6, 8, "quantised", "shrunk", "clustering"),
                (8, 10, "quantised", "shrunk", "snapped"),
            ],
        ),
        (
            {"clusters": 4, "stages": "float:2,cluster:5,quantise:3@0.01", "freeze_batch_norm": 0.0},
            [(0, 2), (2, 7, "clustering"), (7, 10, "quantised", "snapped")],
        ),
    ],
)
def test_phases_cover_all_epochs_once(settings, expected):
    assert _said(Recipe(epochs=10, **settings)) == expected


@pytest.mark.parametrize("epochs", [3, 4, 5])
def test_of_few_epochs_each_stage_gets_one(epochs):
    settings = {"clusters": 4, "sparsity": 0.5 if epochs > 3 else 0.0}
    found = stages(Recipe(epochs=epochs, warmup_epochs=0.5, **settings))
    assert sum(stage.epochs for stage in found) == epochs
    assert min(stage.epochs for stage in found) == 1


def test_a_stage_has_a_rate_of_its_own():
    found = phases(Recipe(epochs=10, bits=32, stages="float:6,float:4@0.01", freeze_batch_norm=0.2))
    assert [(p.stage, p.learning_rate) for p in found] == [((0, 6), None), ((6, 10), 0.01), ((6, 10), 0.01)]
    assert found[0].form != found[1].form == found[2].form


def test_a_short_run_freezes_nothing():
    assert _said(Recipe(epochs=1)) == [(0, 1, "quantised")]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stages": "quantise"}, "has the part 'quantise'"),
        ({"stages": "quantize:10"}, "has the part 'quantize:10'"),
        ({"stages": "quantise:0,float:10"}, "has the part 'quantise:0'"),
        ({"stages": "quantise:10@fast"}, "has the part"),
        ({"stages": "quantise:9"}, "they have 9 epochs, the run 10"),
        ({"stages": "float:10"}, "quantise is missing, which --bits 8 or fewer asks for"),
        ({"stages": "cluster:5,quantise:5"}, "cluster is there without --clusters"),
        ({"stages": "prune:5,quantise:5"}, "prune is there without --sparsity"),
        ({"stages": "quantise:5,quantise:5"}, "comes twice"),
        ({"stages": "quantise:5,snap:5"}, "snap is there without --clusters"),
        ({"stages": "prune:5,snap:5", "sparsity": 0.5}, "quantise is missing"),
        ({"stages": "quantise:10", "clusters": 4}, "cluster is missing, which --clusters asks for"),
        ({"stages": "quantise:5,prune:5", "sparsity": 0.5}, "prune must be over before quantise"),
        ({"stages": "float:5,quantise:5", "pruning_ratio": 0.5}, "shrink is missing, which --pruning-ratio asks for"),
        ({"stages": "float:3,shrink:3,quantise:4"}, "shrink is there without --pruning-ratio"),
        ({"stages": "shrink:5,quantise:5", "pruning_ratio": 0.5}, "shrink comes first"),
        (
            {"stages": "float:1,quantise:5,shrink:4", "pruning_ratios": ("stem=0.5",)},
            "shrink must be over before quantise",
        ),
        (
            {"stages": "float:5,shrink:2,quantise:3", "pruning_ratio": 0.5, "pruning_steps": 3},
            "fewer epochs than --pruning-steps 3",
        ),
        ({"stages": "cluster:3,prune:3,quantise:4", "sparsity": 0.5, "clusters": 4}, "before cluster"),
        ({"stages": "quantise+cluster:10", "clusters": 4}, "snap, or quantise, must follow cluster"),
        ({"stages": "quantise+snap:5,cluster:5", "clusters": 4}, "cluster must be over before snap"),
        ({"stages": "quantise+cluster:5,snap:5", "clusters": 4, "clustering": "tfmot"}, "snap belongs to"),
        ({"stages": "quantise:10@-1"}, "has the part"),
        ({"stages": "quantise:10@0"}, "has the part"),
        ({"stages": "quantise:5,float:5"}, "float comes with quantise or behind it"),
        ({"clusters": 4, "epochs": 1}, "at least one epoch each"),
        ({"float_epochs": 2, "stages": "float:2,quantise:8"}, "belong to the usual stages"),
    ],
)
def test_stages_that_cannot_be_are_refused(settings, message):
    with pytest.raises(PlanError, match=message):
        stages(Recipe(**{"epochs": 10, "warmup_epochs": 0.5, **settings}))


def test_table_lines_up():
    text = table([LayerReport("a", "Conv2D", "quantised", "x"), LayerReport("long", "Add", "fused", "y")])
    assert text == "a     Conv2D  quantised  x\nlong  Add     fused      y"


def test_pre_training_comes_first_and_trusted_labels_last_with_schedules_of_their_own():
    recipe = Recipe(epochs=40, rotation_epochs=4, trusted="10", freeze_batch_norm=0.0, learning_rate=0.2)
    assert _said(recipe) == [(0, 4, "rotation"), (4, 38, "quantised"), (38, 40, "quantised", "trusted")]
    rotation, middle, trusted = phases(recipe)
    assert rotation.learning_rate == 0.2
    assert middle.learning_rate is None
    assert trusted.learning_rate == pytest.approx(0.004)
    # The run's own schedule covers what lies between, from its warm-up to zero.
    assert {phase.span for phase in (rotation, middle, trusted)} == {(4, 38)}
    without_rate = dataclasses.replace(recipe, rotation_epochs=0, stages="quantise:38,trusted:2")
    assert phases(without_rate)[0].span == (0, 40)


def test_trusted_labels_last_to_the_end():
    recipe = Recipe(epochs=6, trusted="10", stages="float:2,trusted:2@0.01,quantise:2@0.01", freeze_batch_norm=0.0)
    assert _said(recipe) == [(0, 2), (2, 4, "trusted"), (4, 6, "quantised", "trusted")]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stages": "quantise:5,rotnet:5"}, "rotnet must come first"),
        ({"stages": "rotnet+quantise:10"}, "rotnet must come first"),
        ({"stages": "rotnet:10", "bits": 32}, "rotnet must come first"),
        ({"stages": "quantise:5,trusted:5"}, "trusted is there without --trusted"),
        ({"stages": "quantise:10", "trusted": "5"}, "trusted is missing"),
        ({"stages": "rotnet:5,quantise:5", "rotation_epochs": 5}, "--rotation-epochs"),
    ],
)
def test_stages_of_pre_training_and_trust_that_can_not_be_are_refused(settings, message):
    with pytest.raises(PlanError, match=message):
        phases(Recipe(epochs=10, **settings))


def test_usual_stages_that_do_not_fit_are_not_blamed_on_a_flag_nobody_gave():
    recipe = Recipe(bits=32, epochs=2, pruning_ratio=0.5, pruning_steps=4)
    with pytest.raises(PlanError, match="the usual stages float:1,shrink:1: shrink has fewer epochs") as caught:
        stages(recipe)
    assert "train longer (--epochs)" in str(caught.value)
