import dataclasses

import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras
from tfqnoise.compression.pruning import filters, surgery
from tfqnoise.errors import PlanError
from tfqnoise.recipe import Recipe

PICTURES = np.random.default_rng(0).random((12, 16, 16, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return networks.get("resnet8")((16, 16, 3), 10)


def _pruned(network, step=1, left=None, begun=None, **settings):
    recipe = Recipe(**{"pruning_ratio": 0.5, **settings})
    return filters.prune(recipe, network, left or {}, begun or filters.sizes(network), step, PICTURES)


def test_each_layer_loses_its_share_and_the_least_important_filters(network):
    found = _pruned(network)
    assert [row["units_after"] for row in found.groups] == [8, 8, 16, 16, 32, 32]
    # Weights that read what is gone don't count.
    kernel = network.get_layer("stage2_block1_conv1").kernel.numpy()[:, :, found.filters["stem"]]
    sums = np.abs(kernel).sum(axis=(0, 1, 2))
    assert found.filters["stage2_block1_conv1"].tolist() == np.sort(np.argsort(sums)[16:]).tolist()
    # Layers of one stream keep the same filters.
    assert found.filters["stem"].tolist() == found.filters["stage1_block1_conv2"].tolist()
    assert "logits" not in found.filters


def test_patterns_of_layers_have_shares_of_their_own(network):
    found = _pruned(network, pruning_ratios=("stem=0", "stage3*conv1=0.75"))
    after = {row["group"]: row["units_after"] for row in found.groups}
    assert after["stem"] == 16
    assert after["stage3_block1_conv1"] == 16
    assert after["stage2_block1_conv1"] == 16
    with pytest.raises(PlanError, match="'stage9', which fits no layer"):
        _pruned(network, pruning_ratios=("stage9=0.5",))


def test_steps_add_up_and_filters_keep_their_first_numbers(network):
    begun = filters.sizes(network)
    smaller, left, sizes = network, {}, []
    for step in (1, 2, 3):
        found = _pruned(smaller, step, left, begun, pruning_steps=3, criterion="thinet")
        smaller, left = found.network, found.filters
        sizes.append([row["units_after"] for row in found.groups])
        assert filters.sizes(smaller) == {row["group"]: row["units_after"] for row in found.groups}
    assert sizes == [[13, 13, 27, 27, 53, 53], [11, 11, 21, 21, 43, 43], [8, 8, 16, 16, 32, 32]]
    again = surgery.rebuilt(network, left)
    assert [w.shape for w in again.weights] == [w.shape for w in smaller.weights]
    kernel = network.get_layer("stem").kernel.numpy()[..., left["stem"]]
    np.testing.assert_array_equal(smaller.get_layer("stem").kernel, kernel)


def test_a_ranking_over_all_layers_takes_the_least_of_all(network):
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    weak = copy.get_layer("stage3_block1_conv1")
    scale = np.r_[np.full(32, 1e-3), np.ones(32)].astype(np.float32)
    weak.kernel.assign(weak.kernel * scale)
    found = _pruned(copy, pruning_ratio=32 / 224, pruning_scope="global")
    after = {row["group"]: row["units_before"] - row["units_after"] for row in found.groups}
    assert after == {**dict.fromkeys(after, 0), "stage3_block1_conv1": 32}
    # The nearest whole number of all filters goes.
    found = _pruned(copy, pruning_ratio=0.29, pruning_scope="global")
    assert sum(row["units_before"] - row["units_after"] for row in found.groups) == round(0.29 * 224) == 65
    # However much is asked for, something of each layer stays.
    found = _pruned(copy, pruning_ratio=0.95, pruning_scope="global")
    assert min(row["units_after"] / row["units_first"] for row in found.groups) >= 0.1


def test_what_a_criterion_cannot_judge_is_left_whole():
    layers = keras.layers
    image = keras.Input((16, 16, 3))
    x = layers.ReLU()(layers.Conv2D(8, 1, name="behind_which_is_relu")(image))
    x = layers.Conv2D(4, 1, name="linear")(x)
    network = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    for scope in ("layer", "global"):
        found = _pruned(network, criterion="apoz", pruning_scope=scope, pruning_ratio=0.3)
        left = {row["group"]: row for row in found.groups if row["units_after"] == row["units_before"]}
        assert list(left) == ["linear"]
        assert ("left_whole" in left["linear"]) == (scope == "layer")


def test_a_criterion_that_can_judge_nothing_is_refused_before_training():
    network = networks.get("alexnet", width=0.05)((16, 16, 3), 4)
    recipe = Recipe(pruning_ratio=0.5, criterion="batch_norm_scale", network="alexnet")
    with pytest.raises(PlanError, match="batch_norm_scale can judge no layer of alexnet"):
        filters.check(recipe, network, PICTURES)
    filters.check(dataclasses.replace(recipe, criterion="apoz"), network, PICTURES)


def test_a_share_of_zero_changes_nothing(network):
    found = _pruned(network, pruning_ratio=0.0, pruning_ratios=("stem=0",))
    assert found.network is network
    assert found.filters == {}


def test_thinet_makes_up_for_what_it_removes(network):
    """The kernel that reads kept channels differs from a mere slice of it."""
    with_help, without = (
        _pruned(network, criterion=f'{{"name": "thinet", "rescale": {rescale}}}') for rescale in ("true", "false")
    )
    name = "stage1_block1_conv1"
    kernel = network.get_layer(name).kernel.numpy()
    kept = without.filters
    sliced = kernel[:, :, kept["stem"]][..., kept[name]]
    np.testing.assert_array_equal(without.network.get_layer(name).kernel, sliced)
    made_up = with_help.network.get_layer(name).kernel.numpy()
    assert made_up.shape == sliced.shape
    assert np.abs(made_up - kernel[:, :, with_help.filters["stem"]][..., with_help.filters[name]]).max() > 1e-3


def test_every_layer_of_a_chain_is_a_group_but_the_last():
    network = networks.get("vgg16", width=0.125)((16, 16, 3), 4)
    *made, last = [layer for layer in network.layers if hasattr(layer, "kernel")]
    assert last.name == "logits"
    assert filters.sizes(network) == {layer.name: layer.kernel.shape[-1] for layer in made}


def test_where_no_filter_may_be_removed_it_is_said():
    image = keras.Input((16, 16, 3))
    network = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))
    with pytest.raises(PlanError, match="choose another --network"):
        filters.check(Recipe(pruning_ratio=0.5), network, PICTURES)


def test_an_outline_is_as_small_as_what_steps_lead_to(network):
    recipe = Recipe(pruning_ratio=0.3, pruning_steps=2, pruning_ratios=("stem=0",))
    outline, smaller, begun = filters.outlined(recipe, network), network, filters.sizes(network)
    for step in (1, 2):
        smaller = filters.prune(recipe, smaller, {}, begun, step, PICTURES).network
    assert [w.shape for w in outline.weights] == [w.shape for w in smaller.weights]
    assert filters.outlined(Recipe(), network) is network


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_of_layers_side_by_side_each_keeps_a_filter(scope):
    """However little all that one of them gives may matter."""
    layers = keras.layers
    image = keras.Input((16, 16, 3))
    parts = [layers.Conv2D(4, 3, padding="same", name=name)(image) for name in ("weak", "strong")]
    x = layers.Add()([layers.Concatenate()(parts), layers.Conv2D(8, 1, name="sum")(image)])
    network = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    for name, scale in (("weak", np.full(4, 1e-3)), ("sum", np.r_[np.full(4, 1e-3), np.ones(4)])):
        kernel = network.get_layer(name).kernel
        kernel.assign(kernel * scale.astype(np.float32))
    found = _pruned(network, pruning_ratio=0.5, pruning_scope=scope)
    assert found.network.get_layer("weak").filters == 1
    assert found.network.get_layer("strong").filters == 4
    assert found.network.get_layer("sum").filters == 5
