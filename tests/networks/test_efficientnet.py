import numpy as np
import pytest

from tfqnoise import networks
from tfqnoise.backend import keras
from tfqnoise.errors import UsageError
from tfqnoise.export.check import check
from tfqnoise.networks import cost
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run

_slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "pixels", "parameters", "macs"),
    [
        # The paper has 5.3 M and 0.39 G, 7.8 M and 0.70 G, 9.2 M and 1.0 G, 12 M and 1.8 G, 19 M and 4.2 G.
        ("efficientnet_b0", 224, 5_330_564, 0.39e9),
        pytest.param("efficientnet_b1", 240, 7_856_232, 0.70e9, marks=_slow),
        pytest.param("efficientnet_b2", 260, 9_177_562, 1.0e9, marks=_slow),
        pytest.param("efficientnet_b3", 300, 12_320_528, 1.8e9, marks=_slow),
        pytest.param("efficientnet_b4", 380, 19_466_816, 4.2e9, marks=_slow),
    ],
)
def test_counts_are_those_of_the_paper_and_of_keras_applications(name, pixels, parameters, macs):
    network = networks.get(name)((pixels, pixels, 3), 1000)
    reference = getattr(keras.applications, name.replace("efficientnet_b", "EfficientNetB"))(weights=None)
    assert cost.parameters(network) == parameters
    # Its normalisation counts: means, variances and how many were seen.
    assert reference.count_params() - parameters == 7
    assert cost.macs(network) == pytest.approx(macs, rel=0.05)

    def kernels(model):
        return sorted(v.shape.as_list() for v in model.weights if "kernel" in v.name)

    assert kernels(network) == kernels(reference)


@pytest.mark.parametrize(
    ("name", "pixels", "trained", "macs"),
    [
        # Published: 4.7 M and 407 M operations, 5.4 and 631, 6.1 and 899, 8.2 and 1,440, 13.0 and 2,640, where an
        # operation is counted for batch norms and sums, too.
        ("efficientnet_lite0", 224, 4_652_008, 407e6),
        pytest.param("efficientnet_lite1", 240, 5_416_680, 631e6, marks=_slow),
        pytest.param("efficientnet_lite2", 260, 6_092_072, 899e6, marks=_slow),
        pytest.param("efficientnet_lite3", 280, 8_197_096, 1.44e9, marks=_slow),
        pytest.param("efficientnet_lite4", 300, 13_006_568, 2.64e9, marks=_slow),
    ],
)
def test_counts_of_lite_forms_are_the_published(name, pixels, trained, macs):
    network = networks.get(name)((pixels, pixels, 3), 1000)
    assert sum(int(np.prod(v.shape)) for v in network.trainable_weights) == trained
    assert cost.macs(network) == pytest.approx(macs, rel=0.06)
    assert cost.macs(network) < macs


def test_depth_and_width_are_settings():
    spec = '{"name": "efficientnet_lite0", "depth": 0.5}'
    network = networks.get(spec, width=0.25)((32, 32, 3), 10)
    names = [layer.name for layer in network.layers]
    # One block where there were one or two, and two where there were three or four.
    assert names[-3:] == ["head_relu", "pool", "logits"]
    assert sum(name.endswith("_project") for name in names) == 1 + 1 + 1 + 2 + 2 + 2 + 1
    assert network.get_layer("stem").filters == 32
    assert network.get_layer("head").filters == 1280
    deeper = networks.get({"name": "efficientnet_lite0", "depth": 2}, width=0.25)((32, 32, 3), 10)
    # The first and the last stage keep their one block.
    assert sum(layer.name.endswith("_project") for layer in deeper.layers) == 1 + 4 + 4 + 6 + 6 + 8 + 1
    with pytest.raises(UsageError, match="no setting"):
        networks.get('{"name": "efficientnet_lite0", "phi": 1}')


@pytest.mark.parametrize("depth", [0, -1.0, float("nan"), float("inf")])
def test_a_depth_that_is_no_depth_is_refused(depth):
    with pytest.raises(UsageError, match="depth"):
        networks.get({"name": "efficientnet_b0", "depth": depth})((32, 32, 3), 10)


def test_small_pictures_keep_their_size_in_the_stem():
    for size, stem in ((32, 32), (96, 48)):
        network = networks.get("efficientnet_lite0", width=0.25, depth=0.25)((size, size, 3), 10)
        assert network.get_layer("stem").output.shape[1] == stem


def test_the_lite_form_is_mapped_on_the_edge_tpu(tmp_path):
    recipe = Recipe(network='{"name": "efficientnet_lite0", "depth": 0.25}', width=0.25)
    Run(tmp_path).write_json("recipe.json", recipe.to_dict())
    report = check(tmp_path / "recipe.json", "edgetpu")
    assert report.passed
    assert {operator.placement for operator in report.operators} == {"edgetpu"}
