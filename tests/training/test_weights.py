import dataclasses

import numpy as np
import pytest

from tfqnoise import assembly, networks
from tfqnoise.backend import keras
from tfqnoise.errors import RunError, UsageError
from tfqnoise.export import export
from tfqnoise.networks import imagenet
from tfqnoise.recipe import Recipe
from tfqnoise.training import weights
from tfqnoise.training.train import train
from tfqnoise.training.weights import started

BASE = Recipe(bits=32, epochs=1, batch_size=32, width=0.5, steps_per_epoch=2)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return train(BASE, tmp_path_factory.mktemp("base") / "run", report=lambda text: None)


def test_a_run_goes_on_from_another_and_loses_filters_at_once(base, tmp_path, silent):
    recipe = dataclasses.replace(BASE, weights=str(base.path), bits=8, epochs=2, pruning_ratio=0.5)
    run = train(recipe, tmp_path / "run", report=silent)
    (step,) = run.read_json("pruning.json")["steps"]
    learned = base.read_json("summary.json")
    assert step["test_accuracy_before"] == pytest.approx(learned["test_accuracy_last"])
    assert step["parameters_before"] == learned["parameters"]
    summary = run.read_json("summary.json")
    assert summary["parameters"] == step["parameters"] < 0.3 * learned["parameters"]
    assert summary["macs"] == step["macs"] < 0.3 * learned["macs"]
    report = export(run, report=silent)
    assert report["passed"]
    # Another goes on from what is left, and says so.
    said = []
    later = train(dataclasses.replace(BASE, weights=str(run.path)), tmp_path / "later", report=said.append)
    assert f"begins with the weights of {run.path}, pruned from {learned['parameters']:,} parameters" in said[0]
    assert later.read_json("summary.json")["parameters"] == step["parameters"]
    np.testing.assert_array_equal(
        later.read_arrays("weights.npz")["filters/stem"], run.read_arrays("weights.npz")["filters/stem"]
    )


@pytest.fixture(scope="module")
def pruned(base, tmp_path_factory):
    recipe = dataclasses.replace(BASE, weights=str(base.path), pruning_ratio=0.5)
    return train(recipe, tmp_path_factory.mktemp("pruned") / "run", report=lambda text: None)


@pytest.mark.parametrize("strategy", ["co_teaching", "elr_plus"])
def test_peers_and_averages_begin_with_what_a_pruned_run_has_left(pruned, tmp_path, silent, strategy):
    recipe = dataclasses.replace(BASE, weights=str(pruned.path), pruning_ratio=0.5, strategy=strategy)
    run = train(recipe, tmp_path / "run", report=silent)
    (step,) = run.read_json("pruning.json")["steps"]
    assert step["parameters"] < step["parameters_before"] == pruned.read_json("summary.json")["parameters"]
    checkpoint = run.read_arrays("checkpoint.npz")
    assert checkpoint["filters/stem"].shape == checkpoint["filters1/stem"].shape == (2,)
    assert set(checkpoint["filters1/stem"]) <= set(pruned.read_arrays("weights.npz")["filters/stem"])


def test_a_network_of_another_shape_is_refused(base, tmp_path, silent):
    with pytest.raises(UsageError, match=r"width 0\.5"):
        train(dataclasses.replace(BASE, weights=str(base.path), width=0.25), tmp_path / "run", report=silent)


def test_an_unfinished_run_is_refused(base, tmp_path, silent):
    with pytest.raises(RunError):
        train(dataclasses.replace(BASE, weights=str(tmp_path / "none")), tmp_path / "run", report=silent)
    assert not (tmp_path / "run").exists()


def test_weights_learned_on_imagenet_are_for_colours(tmp_path, silent):
    recipe = dataclasses.replace(BASE, weights="imagenet", network="mobilenet_v1", width=0.25)
    with pytest.raises(UsageError, match="1 channels"):
        train(recipe, tmp_path / "run", report=silent)
    assert not (tmp_path / "run").exists()


def test_weights_learned_on_imagenet_are_taken(monkeypatch):
    """The road from the flag; what is fetched is stood in for by random weights of the same network."""
    source = keras.applications.MobileNet(
        weights=None, alpha=0.25, input_shape=(96, 96, 3), classifier_activation=None
    )
    monkeypatch.setattr(imagenet, "_fetched", lambda *arguments: source)
    recipe = dataclasses.replace(BASE, weights="imagenet", network="mobilenet_v1", width=0.25)
    network = networks.get("mobilenet_v1", width=0.25)((32, 32, 3), 10)
    found, filters = started(recipe, network)
    assert filters == {}
    kernel = source.get_layer("conv_pw_5").kernel
    np.testing.assert_array_equal(found.get_layer("block5_pointwise").kernel, kernel)


def test_scales_become_positive_where_clusters_need_it_and_nothing_else_changes(monkeypatch):
    """A scale that is negative would otherwise be set to next to nothing in the first step."""
    random = np.random.default_rng(0)
    source = keras.applications.MobileNet(
        weights=None, alpha=0.25, input_shape=(32, 32, 3), classifier_activation=None
    )
    for layer in source.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            ranges = ((-1.5, 1.5), (-0.5, 0.5), (-0.2, 0.2), (0.3, 1.5))
            layer.set_weights([random.uniform(*r, v.shape) for r, v in zip(ranges, layer.weights, strict=True)])
    monkeypatch.setattr(imagenet, "_fetched", lambda *arguments: source)
    recipe = dataclasses.replace(BASE, weights="imagenet", network="mobilenet_v1", width=0.25)
    clustered = dataclasses.replace(recipe, clusters=8, bits=8, epochs=3)
    found = {each: started(each, assembly.build(each, (32, 32, 3), 1000))[0] for each in (recipe, clustered)}
    least = [
        min(layer.gamma.numpy().min() for layer in network.layers if hasattr(layer, "gamma"))
        for network in found.values()
    ]
    assert least[0] < 0 <= least[1]
    images = random.random((4, 32, 32, 3)).astype(np.float32)
    one, other = (network(images).numpy() for network in found.values())
    np.testing.assert_array_equal(one, other)
    assert np.ptp(one) > 0


@pytest.mark.parametrize("maker", ["transposed", "separable", "shared"])
def test_filters_that_can_not_be_turned_stay_as_they_are(maker):
    layers, picture = keras.layers, keras.Input((8, 8, 3))
    norm = layers.BatchNormalization()
    x = {
        "transposed": layers.Conv2DTranspose(3, 3, padding="same"),
        "separable": layers.SeparableConv2D(6, 3, padding="same"),
        "shared": layers.Conv2D(3, 3, padding="same"),
    }[maker](picture)
    x = norm(x)
    if maker == "shared":
        x = layers.Add()([x, norm(layers.Conv2D(3, 3, padding="same")(x))])
    network = keras.Model(picture, layers.Flatten()(x))
    norm.gamma.assign(-norm.gamma)
    images = np.random.default_rng(0).random((4, 8, 8, 3)).astype(np.float32)
    before = network(images).numpy()
    weights._turn(network)
    np.testing.assert_array_equal(network(images).numpy(), before)
