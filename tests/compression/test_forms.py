"""What goes over from form to form, and what each promises."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest

from tfqnoise import assembly
from tfqnoise.compression import forms
from tfqnoise.compression.plan import phases
from tfqnoise.compression.pruning import magnitude
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.errors import PlanError, TrainingError
from tfqnoise.recipe import Recipe

SMALL = Recipe(width=0.5, epochs=6, freeze_batch_norm=0.0)
IMAGES = np.random.default_rng(0).random((16, 8, 8, 1)).astype(np.float32)


def _kernels(form):
    """What the network computes with: of wrapped layers, the weights that are left when the wrappers are gone."""
    plain = forms.Form(forms._stripped(form.network))
    return {name: kernel.numpy() for name, kernel in plain.kernels().items()}


@functools.cache
def _walk(recipe):
    """Builds the form of each phase from the one before; in between everything moves, as in training.

    Returns for each phase: it, its form, and the kernels at its beginning and at its end.
    """
    plain = assembly.build(recipe, (8, 8, 1), 10)
    before, found = None, []
    for phase in phases(recipe):
        before = forms.build(recipe, phase, plain, before, 10)
        if phase.pruning:
            callback = magnitude.callback()
            callback.set_model(before.network)
            callback.on_train_begin()
        began = {name: kernel.numpy() for name, kernel in before.kernels().items()}
        for _ in range(3):
            before.network(IMAGES, training=True)
        for variable in before.trained():
            variable.assign(variable * 1.25)
        settle(before.network)
        found.append((phase, before, began, _kernels(before)))
    return found


RECIPES = {
    "centroids": {"clusters": 8},
    "uniform grid": {"clusters": 16, "grid": "uniform"},
    "pruned": {"sparsity": 0.5, "bits": 4},
    "codebooks by channels": {"clusters": 8, "codebooks": 3},
    "uniform codebooks by channels": {"clusters": 8, "codebooks": 3, "grid": "uniform"},
    "centroids in two stages": {"clusters": 8, "stages": "quantise+cluster:2,snap:2,train:2@0.01"},
    "all": {"sparsity": 0.5, "clusters": 8},
    "all, by TF-MOT": {"sparsity": 0.5, "clusters": 8, "clustering": "tfmot"},
}


@pytest.mark.parametrize("name", RECIPES)
def test_each_form_starts_from_the_weights_of_the_one_before(name):
    walk = _walk(dataclasses.replace(SMALL, **RECIPES[name]))
    for (_, one, _, ended), (phase, _, began, _) in itertools.pairwise(walk):
        for layer, kernel in began.items():
            distance = np.abs(kernel - ended[layer]).mean() / np.abs(kernel).mean()
            # Only where weights become centroids do they move.
            assert distance < (0.4 if phase.snapped and not one.snapped else 1e-6), layer


@pytest.mark.parametrize(
    "name",
    ["centroids", "uniform grid", "codebooks by channels", "uniform codebooks by channels", "all", "all, by TF-MOT"],
)
def test_snapped_kernels_keep_their_promise(name):
    recipe = dataclasses.replace(SMALL, **RECIPES[name])
    phase, form = _walk(recipe)[-1][:2]
    assert phase.snapped
    # Pruning was not trained here, so no zeros are asked for.
    phase = dataclasses.replace(phase, pruned=False)
    forms.check(recipe, form, phase)
    trained = {v.name for v in form.trained()}
    kernels = {v.name for v in form.kernels().values()}
    assert not trained & kernels
    assert [name for name in trained if "centroids" in name or "kernel_step" in name]
    variables = form.network.get_layer("quant_stage1_block1_conv1")._weight_vars[0][2]
    counts = variables["assignments"].shape
    kept = variables["assignments"].numpy()
    variables["assignments"].assign(np.arange(np.prod(counts)).reshape(counts) % 20)
    if "centroids" not in variables:
        # The first of three groups has three of the eight channels, and of these twenty codes fifteen.
        levels = 15 if recipe.codebooks > 1 else 20
        with pytest.raises(TrainingError, match=rf"stage1_block1_conv1 has {levels} levels"):
            forms.check(recipe, form, phase)
    variables["assignments"].assign(kept)


def test_too_few_zeros_are_an_error():
    recipe = dataclasses.replace(SMALL, **RECIPES["pruned"])
    phase, form = _walk(recipe)[-1][:2]
    with pytest.raises(TrainingError, match=r"has \d+\.\d% zeros"):
        forms.check(recipe, form, phase)


def test_a_kernel_with_fewer_weights_than_clusters_is_left_alone():
    recipe = dataclasses.replace(SMALL, clusters=100)
    form = _walk(recipe)[-1][1]
    assert "stem" not in form.codebooks  # 72 weights
    assert "stage2_block1_conv1" in form.codebooks
    reasons = {report.layer: report.reason for report in form.layers}
    assert "kernel int8" in reasons["stem"]
    assert "100 centroids, free grid" in reasons["stage2_block1_conv1"]


@pytest.mark.parametrize("name", ["centroids", "codebooks by channels", "all, by TF-MOT"])
def test_clusters_are_known_in_every_phase_that_has_some(name):
    recipe = dataclasses.replace(SMALL, **RECIPES[name])
    phases_with = 0
    for phase, form, _, _ in _walk(recipe):
        rows = form.clusters()
        assert bool(rows) == (phase.clustering or phase.snapped)
        for row in rows:
            assert len(row["centroids"]) == 8
            assert 1 <= row["occupied"] <= 8
            assert 0 <= row["entropy_bits"] <= 3
        phases_with += bool(rows)
        groups = [row["layer"] for row in rows if row["layer"].startswith("stem")]
        assert not rows or len(groups) == recipe.codebooks
    assert phases_with == 2


def test_penalty_weights_of_layers():
    recipe = dataclasses.replace(SMALL, clusters=8, penalty_weights=("stem=0.5", "stage3*=0.02", "stage*=0.2"))
    form = _walk(dataclasses.replace(SMALL, clusters=8))[1][1]
    weights = forms.penalty_weights(recipe, form)
    assert weights["stem"] == 0.5
    assert weights["stage3_block1_conv1"] == 0.02
    assert weights["stage1_block1_conv1"] == 0.2
    assert weights["logits"] == recipe.penalty_weight
    with pytest.raises(PlanError, match=r"'stame', which fits no layer"):
        forms.penalty_weights(dataclasses.replace(SMALL, clusters=8, penalty_weights=("stame=1",)), form)


def test_batch_norm_scales_stay_positive():
    """A negative one would turn a channel's signs in the file, and K values into 2 K."""
    network = assembly.build(dataclasses.replace(SMALL, clusters=8), (8, 8, 1), 10)
    gamma = network.get_layer("stem_bn").gamma
    np.testing.assert_allclose(gamma.constraint(gamma - 5), 1e-3)
    assert assembly.build(SMALL, (8, 8, 1), 10).get_layer("stem_bn").gamma.constraint is None
