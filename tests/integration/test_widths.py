"""Every width, storage and family of networks: trained, exported, executed, and what was promised read back."""

import pytest

from tfqnoise import Recipe
from tfqnoise.export import export
from tfqnoise.training.train import train

COMMON = {"noise": 0.2, "epochs": 8, "batch_size": 32, "warmup_epochs": 0.5}
FAMILIES = {
    "resnet8": {"network": "resnet8", "width": 0.5},
    "vgg16": {"network": "vgg16", "width": 0.25, "epochs": 10, "augmentation": "none"},
    "alexnet": {
        "network": "alexnet",
        "width": 0.125,
        "epochs": 20,
        # Without batch norm SGD at a rate that learns in so few epochs diverges now and then.
        "optimizer": "adam",
        "learning_rate": 0.001,
        "augmentation": "none",
    },
}


def _proven(run, storage, silent, most_values=None, least_zeros=0.0):
    report = export(run, storage=storage, report=silent)
    assert report["passed"]
    assert report["top1_agreement"] >= 0.995
    for tensor in report["tensors"]:
        if len(tensor["shape"]) > 1:
            assert tensor["zeros"] >= least_zeros
            assert tensor["unique"] <= (most_values or 256)
    return report


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bits", [8, 4, 3, 2, 1])
def test_every_width_of_every_family(family, bits, tmp_path, silent):
    recipe = Recipe(**COMMON | FAMILIES[family], bits=bits, quantizer="lsq")
    run = train(recipe, tmp_path / "run", report=silent)
    # Far above chance, 0.1: a network that has learned nothing has no clear answers to agree with.
    assert run.read_json("summary.json")["test_accuracy_last"] > (0.75 if bits > 2 else 0.4)
    sizes = {storage: _proven(run, storage, silent)["bytes"] for storage in ("int8", "int4", "narrowest")}
    assert sizes["narrowest"] <= sizes["int4"] <= sizes["int8"]
    assert (sizes["int4"] < sizes["int8"]) == (bits < 8)


@pytest.mark.slow
def test_pruned_clustered_and_quantised_is_so_in_the_file(tmp_path, silent):
    recipe = Recipe(**{**COMMON, **FAMILIES["resnet8"], "epochs": 9}, sparsity=0.5, clusters=16, grid="uniform")
    run = train(recipe, tmp_path / "run", report=silent)
    report = _proven(run, "narrowest", silent, most_values=16, least_zeros=0.45)
    assert {t["type"] for t in report["tensors"] if len(t["shape"]) > 1} == {"INT4"}
    rows = run.read_lines("clusters.jsonl")
    assert [row["epoch"] for row in rows] == [7, 8, 9]
    for layer in rows[-1]["layers"]:
        assert layer["error"] >= 0
        assert 1 <= layer["occupied"] <= len(layer["centroids"]) <= 16
        assert 0 <= layer["entropy_bits"] <= 4


@pytest.mark.parametrize(
    "settings",
    [
        {"grid": "free", "codebooks": 3, "penalty_weights": ("stem=0.3",)},
        pytest.param({"grid": "uniform", "codebooks": 3}, marks=pytest.mark.slow),
        pytest.param({"clustering": "tfmot"}, marks=pytest.mark.slow),
    ],
    ids=["free", "uniform", "tfmot"],
)
def test_clusters_are_so_in_the_file(settings, tmp_path, silent):
    recipe = Recipe(**{**COMMON, **FAMILIES["resnet8"], "width": 0.25, "epochs": 3}, clusters=8, **settings)
    run = train(recipe, tmp_path / "run", report=silent)
    report = _proven(run, "narrowest", silent)
    for tensor in report["tensors"]:
        if len(tensor["shape"]) > 1:
            assert tensor["unique_in_group"] <= 8
            assert (tensor["type"] == "INT4") == (recipe.grid == "uniform")
    assert {row["layer"].split("/")[0] for row in run.read_lines("clusters.jsonl")[-1]["layers"]} >= {
        "stem",
        "logits",
    }
