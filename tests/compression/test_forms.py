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
from tfqnoise.errors import TrainingError
from tfqnoise.recipe import Recipe

SMALL = Recipe(width=0.5, epochs=6, freeze_batch_norm=0.0)
IMAGES = np.random.default_rng(0).random((16, 8, 8, 1)).astype(np.float32)


@functools.cache
def _walk(recipe):
    """Builds the form of each phase from the one before, as training does, without training."""
    plain = assembly.build(recipe, (8, 8, 1), 10)
    before, found = None, []
    for phase in phases(recipe):
        before = forms.build(recipe, phase, plain, before, 10)
        if phase.pruning:
            callback = magnitude.callback()
            callback.set_model(before.network)
            callback.on_train_begin()
        for _ in range(3):
            before.network(IMAGES, training=True)
        found.append((phase, before))
    return found


RECIPES = {
    "centroids": {"clusters": 8},
    "uniform grid": {"clusters": 16, "grid": "uniform"},
    "pruned": {"sparsity": 0.5, "bits": 4},
    "all": {"sparsity": 0.5, "clusters": 8},
    "all, by TF-MOT": {"sparsity": 0.5, "clusters": 8, "clustering": "tfmot"},
}


@pytest.mark.parametrize("name", RECIPES)
def test_each_form_starts_from_the_weights_of_the_one_before(name):
    walk = _walk(dataclasses.replace(SMALL, **RECIPES[name]))
    for (_, one), (phase, other) in itertools.pairwise(walk):
        if phase.pruned and not one.masks:
            continue  # TF-MOT's masks are set when it strips.
        for layer, kernel in other.kernels().items():
            distance = np.abs(kernel - one.kernels()[layer]).mean() / np.abs(kernel).mean()
            assert distance < (0.4 if phase.snapped or phase.clustering else 1e-6), layer


@pytest.mark.parametrize("name", ["centroids", "uniform grid", "all", "all, by TF-MOT"])
def test_snapped_kernels_keep_their_promise(name):
    recipe = dataclasses.replace(SMALL, **RECIPES[name])
    phase, form = _walk(recipe)[-1]
    assert phase.snapped
    recipe = dataclasses.replace(recipe, sparsity=0.0)
    forms.check(recipe, form, dataclasses.replace(phase, pruned=False))
    trained = {v.name for v in form.trained()}
    kernels = {v.name for v in form.kernels().values()}
    assert not trained & kernels
    assert [name for name in trained if "centroids" in name or "kernel_step" in name]
    form.kernels()["stem"].assign_add(np.random.default_rng(0).normal(size=form.kernels()["stem"].shape) * 0.1)
    with pytest.raises(TrainingError, match=r"stem has \d+ values"):
        forms.check(recipe, form, dataclasses.replace(phase, pruned=False))


def test_too_few_zeros_are_an_error():
    recipe = dataclasses.replace(SMALL, **RECIPES["pruned"])
    phase, form = _walk(recipe)[-1]
    with pytest.raises(TrainingError, match=r"has \d+\.\d% zeros"):
        forms.check(recipe, form, phase)


def test_a_kernel_with_fewer_weights_than_clusters_is_left_alone():
    recipe = dataclasses.replace(SMALL, clusters=100)
    _, form = _walk(recipe)[-1]
    assert "stem" not in form.codebooks  # 72 weights
    assert "stage2_block1_conv1" in form.codebooks
    reasons = {report.layer: report.reason for report in form.layers}
    assert "kernel int8" in reasons["stem"]
    assert "100 centroids, free grid" in reasons["stage2_block1_conv1"]


def test_batch_norm_scales_stay_positive():
    """A negative one would turn a channel's signs in the file, and K values into 2 K."""
    network = assembly.build(dataclasses.replace(SMALL, clusters=8), (8, 8, 1), 10)
    gamma = network.get_layer("stem_bn").gamma
    np.testing.assert_allclose(gamma.constraint(gamma - 5), 1e-3)
    assert assembly.build(SMALL, (8, 8, 1), 10).get_layer("stem_bn").gamma.constraint is None
