import pytest

from tfqnoise import networks
from tfqnoise.backend import keras
from tfqnoise.export.check import check
from tfqnoise.networks import cost
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run

_applications = keras.applications


@pytest.mark.parametrize(
    ("name", "width", "parameters", "macs"),
    [
        # In millions the paper has 2.5 and 56 (small), 5.4 and 219 (large), and 4.0 and 155 at a width of 0.75.
        ("mobilenet_v3_small", 1.0, 2_554_968, 56e6),
        ("mobilenet_v3_large", 1.0, 5_507_432, 219e6),
        ("mobilenet_v3_large", 0.75, 4_012_616, 155e6),
        # Its authors' code has 3.9 and 209 for the large minimalistic one.
        ("mobilenet_v3_large_lite", 1.0, 3_948_688, 209e6),
        ("mobilenet_v3_small_lite", 1.0, 2_056_848, 52.3e6),
    ],
)
def test_counts_are_those_of_the_paper(name, width, parameters, macs):
    network = networks.get(name, width=width)((224, 224, 3), 1000)
    assert cost.parameters(network) == parameters
    assert cost.macs(network) == pytest.approx(macs, rel=0.015)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "width", "reference"),
    [
        ("mobilenet_v3_small", 1.0, lambda: _applications.MobileNetV3Small(weights=None)),
        ("mobilenet_v3_small", 1.5, lambda: _applications.MobileNetV3Small(weights=None, alpha=1.5)),
        ("mobilenet_v3_large", 0.75, lambda: _applications.MobileNetV3Large(weights=None, alpha=0.75)),
        ("mobilenet_v3_small_lite", 1.0, lambda: _applications.MobileNetV3Small(weights=None, minimalistic=True)),
        ("mobilenet_v3_large_lite", 1.0, lambda: _applications.MobileNetV3Large(weights=None, minimalistic=True)),
    ],
)
def test_kernels_are_those_of_keras_applications(name, width, reference):
    network = networks.get(name, width=width)((224, 224, 3), 1000)

    def kernels(model):
        # A dense kernel is a 1x1 kernel.
        return sorted(v.shape.as_list()[-4:] for v in model.weights if "kernel" in v.name and len(v.shape) == 4) + (
            sorted([1, 1, *v.shape.as_list()] for v in model.weights if "kernel" in v.name and len(v.shape) == 2)
        )

    assert sorted(kernels(network)) == sorted(kernels(reference()))
    assert cost.parameters(network) == reference().count_params()


def test_small_pictures_keep_their_size_in_the_stem():
    for size, stem in ((32, 32), (96, 48)):
        network = networks.get("mobilenet_v3_small_lite", width=0.25)((size, size, 3), 10)
        assert network.get_layer("stem").output.shape[1] == stem


def test_the_lite_form_has_neither_gates_nor_curves():
    network = networks.get("mobilenet_v3_small_lite", width=0.25)((32, 32, 3), 10)
    kinds = {type(layer).__name__ for layer in network.layers}
    assert not kinds & {"Multiply", "Rescaling", "Activation"}
    assert {float(layer.max_value) for layer in network.layers if isinstance(layer, keras.layers.ReLU)} == {6}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v3_small_lite", "mobilenet_v3_large_lite"])
def test_the_lite_form_is_mapped_on_the_edge_tpu(name, tmp_path):
    recipe = Recipe(network=name, width=0.25)
    Run(tmp_path).write_json("recipe.json", recipe.to_dict())
    report = check(tmp_path / "recipe.json", "edgetpu")
    assert report.passed
    assert {operator.placement for operator in report.operators} == {"edgetpu"}
