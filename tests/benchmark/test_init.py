import dataclasses

import numpy as np
import pytest

from tfqnoise import Recipe, Run, augmentation, networks
from tfqnoise.benchmark import benchmark, uncompressed
from tfqnoise.compression.quantization.qat import Widths, quantize
from tfqnoise.errors import ExportError, RunError, UsageError
from tfqnoise.export import convert
from tfqnoise.export.storage import pack
from tfqnoise.training import precision


def test_host_times_integer_and_float_in_turn(trained, silent):
    peer = trained.path / "export" / "model.tflite"
    result = benchmark(trained, "host", peers=[peer], repetitions=120, report=silent)
    assert result == trained.read_json("benchmark/host.json")
    assert {row["model"] for row in result["rows"]} == {"model", "model_float", str(peer)}
    assert {row["threads"] for row in result["rows"]} == {1, result["machine"]["cores"]}
    for row in result["rows"]:
        assert 0 < row["p50_us"] <= row["p90_us"] <= row["p99_us"]
        assert row["samples"] == 120
    accuracies = result["test_accuracy"]
    assert accuracies["model"] == accuracies[str(peer)] == trained.read_json("export/report.json")["accuracy_tflite"]
    assert result["machine"]["processor"]


def test_pipeline_feeds_at_least_three_times_what_training_consumes(trained, silent):
    result = benchmark(trained, "pipeline", repetitions=3, report=silent)
    assert result["ratio"] >= 3
    assert set(result["augmentations"]) == set(augmentation.registry.entries())
    assert result["augmentations"]["standard"]["ratio"] == result["ratio"]


def test_host_times_packed_weights_beside_int8_ones(trained, tmp_path, silent):
    run = Run.create(trained.recipe, tmp_path / "run")
    for name in ("model", "model_float"):
        run.write_bytes(f"export/{name}.tflite", (trained.path / "export" / f"{name}.tflite").read_bytes())
    quantised, _ = quantize(networks.get("resnet8", width=0.25)((8, 8, 1), 10), widths=Widths(4, "lsq"))
    quantised(np.random.default_rng(0).random((8, 8, 8, 1), np.float32), training=True)
    packed = pack(convert.integer(quantised, (8, 8, 1)))
    run.write_bytes("export/model.tflite", packed)
    rows = benchmark(run, "host", repetitions=20, report=silent)["rows"]
    sizes = {row["model"]: row["bytes"] for row in rows}
    assert sizes["model"] == len(packed) < sizes["model, int8 weights"]


@pytest.mark.parametrize(
    "settings",
    [
        {"clusters": 8, "codebooks": 4, "penalty_weights": ("stem=0.2",)},
        {"clusters": 8, "clustering": "tfmot"},
        {"clusters": 8, "grid": "uniform", "penalty": "soft", "penalty_weight": 0.3, "penalty_schedule": "linear"},
        {"clusters": 8, "initialisation": "density"},
    ],
)
def test_a_clustered_recipe_is_compared_with_a_plain_one(settings):
    assert uncompressed(Recipe(**settings)) == Recipe(bits=32)


def test_step_compares_float_quantised_and_stock(trained, silent):
    rows = benchmark(trained, "step", repetitions=5, report=silent)["rows"]
    names = ["float", "8 bits", "4 bits, lsq", "8 bits, 16 centroids", "stock TF-MOT"]
    names += ["float, bfloat16", "8 bits, bfloat16"] if precision.available("bfloat16") else []
    assert [row["network"] for row in rows] == names
    assert rows[0]["ratio_to_float"] == 1
    assert all(row["median_ms"] > 0 for row in rows)


@pytest.mark.slow
def test_penalty_counts_time_and_memory(trained, silent):
    result = benchmark(trained, "penalty", repetitions=2, report=silent)
    assert all(row["weights"] > 70_000 for row in result["rows"])
    assert {row["penalty"] for row in result["rows"]} == {"hard", "soft", "gaussian_mixture"}
    assert all(row["median_ms"] > 0 and row["extra_megabytes"] >= 0 for row in result["rows"])


def test_what_is_missing_is_named(trained, tmp_path):
    run = Run.create(dataclasses.replace(trained.recipe), tmp_path / "fresh")
    with pytest.raises(RunError, match="export it first"):
        benchmark(run, "host")
    with pytest.raises(UsageError, match="did you mean 'host'"):
        benchmark(trained, "hots")
    with pytest.raises(UsageError, match="--repetitions 0"):
        benchmark(trained, "host", repetitions=0)
    with pytest.raises(ExportError, match=r"no\.tflite"):
        benchmark(trained, "host", peers=[tmp_path / "no.tflite"])


def test_a_run_that_can_not_be_written_is_refused_before_anything_is_timed(trained, tmp_path):
    run = Run.create(trained.recipe, tmp_path / "run")
    run.write_bytes("benchmark", b"a file")
    with pytest.raises(RunError, match="benchmark can't be written: Not a directory"):
        benchmark(run)
