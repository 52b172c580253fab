import dataclasses
import itertools
import json
import shutil

import numpy as np
import pytest

from tfqnoise import Recipe, Run, assembly, strategies
from tfqnoise.backend import keras, tf
from tfqnoise.errors import DataError, RunError, UsageError
from tfqnoise.strategies import Problem
from tfqnoise.training import callbacks
from tfqnoise.training.train import train

SMALL = Recipe(width=0.25, epochs=2, steps_per_epoch=3, batch_size=64, noise=0.4)
# Where quantization is not the matter: built in a fraction of the time.
FLOAT = dataclasses.replace(SMALL, bits=32)

SUMMARY = {
    "test_accuracy_last",
    "test_accuracy_best",
    "validation_accuracy_last",
    "memorised_last",
    "recovered_last",
    "images_per_second",
    "parameters",
    "macs",
    "wall_seconds",
    "versions",
    "seed",
}


def test_a_run_on_wrong_labels_learns_the_true_ones(trained):
    summary = trained.read_json("summary.json")
    assert set(summary) >= SUMMARY
    assert summary["test_accuracy_last"] > 0.9
    assert summary["recovered_last"] > 0.8 > 0.2 > summary["memorised_last"]
    assert summary["parameters"] == 78_378
    assert summary["seed"] == 1
    rows = trained.read_lines("metrics.jsonl")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert summary["test_accuracy_best"] == max(row["test_accuracy"] for row in rows)
    assert summary["test_accuracy_last"] == rows[-1]["test_accuracy"]
    assert 0.3 < trained.read_json("noise.json")["effective_rate"] < 0.42
    plan = trained.read_json("plan.json")
    assert len(plan["layers"]) == 29
    assert list(trained.path.glob("tensorboard/train/events*"))
    leftovers = [p for p in trained.path.rglob(".*") if p.name != ".lock"]
    assert not leftovers


def test_a_run_that_ends_says_that_its_export_is_older(trained, tmp_path):
    run = Run.open(shutil.copytree(trained.path, tmp_path / "run"))
    said = []
    for epoch, words in ((6, ""), (3, "is of epoch 3, its weights of epoch 6: export it anew")):
        (run.path / "summary.json").unlink()
        run.write_json("export/report.json", run.read_json("export/report.json") | {"epoch": epoch})
        train(run.recipe, run.path, resume=True, report=said.append)
        assert ("export it anew" in said[-1], words in said[-1]) == (bool(words), True)


def test_without_noise_nothing_is_memorised(tmp_path, silent):
    run = train(dataclasses.replace(FLOAT, noise=0.0, epochs=1), tmp_path / "run", report=silent)
    summary = run.read_json("summary.json")
    assert summary["memorised_last"] is None
    assert summary["recovered_last"] is None


@pytest.mark.parametrize(
    "settings",
    [
        {"bits": 32, "optimizer": "adamw", "learning_rate": 1e-3, "clip_norm": 1.0},
        {"bits": 32, "strategy": "elr", "loss": '{"name": "gce", "q": 0.5}'},
        {"bits": 32, "network": "resnet20", "augmentation": "none", "noise_kind": "symmetric-exclusive"},
        {"bits": 4, "quantizer": "lsq", "activation_bits": 4, "activation_quantizer": "pact"},
    ],
)
def test_every_kind_of_recipe_runs(tmp_path, silent, settings):
    run = train(dataclasses.replace(SMALL, **settings, epochs=1), tmp_path / "run", report=silent)
    assert 0 <= run.read_json("summary.json")["test_accuracy_last"] <= 1


def test_seeds_give_other_weights(tmp_path, silent, monkeypatch):
    monkeypatch.setattr(assembly, "build", _small)
    weights = [
        train(dataclasses.replace(FLOAT, epochs=1, seed=s), tmp_path / str(s), report=silent).read_arrays(
            "weights.npz"
        )
        for s in (0, 1)
    ]
    assert any((a != b).any() for a, b in zip(*(w.values() for w in weights), strict=True))


@pytest.mark.parametrize(
    ("epochs", "settings"),
    [
        # With layers that draw.
        ((1,), {"bits": 32, "network": "alexnet", "width": 0.1}),
        pytest.param(
            (2,), {"clusters": 8, "codebooks": 2, "stages": "quantise+cluster:2,snap:1@0.01"}, marks=pytest.mark.slow
        ),
        pytest.param((1,), {"float_epochs": 1, "freeze_batch_norm": 0.34}, marks=pytest.mark.slow),
        pytest.param(
            (1, 3, 4),
            {"sparsity": 0.5, "clusters": 8, "stages": "prune:2,quantise+cluster:1,snap:2"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            (2,),
            {"sparsity": 0.5, "clusters": 8, "clustering": "tfmot", "stages": "prune:1,cluster:2,quantise:1"},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_resuming_after_any_epoch_is_exact(tmp_path, silent, monkeypatch, epochs, settings):
    total = sum(int(part[part.index(":") + 1]) for part in settings.get("stages", "float:3").split(","))
    recipe = dataclasses.replace(SMALL, epochs=total, **settings)
    whole = train(recipe, tmp_path / "whole", report=silent)
    for epoch in epochs:
        path = tmp_path / f"stopped{epoch}"
        original = callbacks.Record.on_epoch_end

        def stop(self, number, logs=None, original=original, epoch=epoch):
            original(self, number, logs)
            if number + 1 == epoch:
                raise KeyboardInterrupt

        monkeypatch.setattr(callbacks.Record, "on_epoch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, path, report=silent)
        monkeypatch.setattr(callbacks.Record, "on_epoch_end", original)
        # What a kill between the two files leaves: a line more than the checkpoint knows.
        run = Run.open(path)
        rows = run.read_lines("metrics.jsonl")
        run.write_lines("metrics.jsonl", [*rows, {**rows[-1], "epoch": epoch + 1}])
        _assert_same(whole, train(recipe, path, resume=True, report=silent), "weights.npz")


# A branch through everything that changes the network it hangs on.
_EVERYTHING = {
    "stages": "rotnet:1,float:1,shrink:1,prune:1,quantise:1,trusted:1",
    "pruning_ratio": 0.5,
    "sparsity": 0.5,
    "trusted": "5",
    "strategy": '{"name": "auxiliary", "at": "inner", "distillation": 1.0}',
}
_CLUSTERED = {"sparsity": 0.5, "clusters": 4, "clustering": "tfmot", "strategy": "auxiliary"}


@pytest.mark.parametrize(
    ("epochs", "settings"),
    [
        # One float epoch, one quantised, one with frozen statistics; tables and averages on the way.
        ((2,), {"float_epochs": 1, "freeze_batch_norm": 0.34, "strategy": "elr", "weight_average": 0.9}),
        # In the middle of stages.
        ((3,), {"bits": 32, "stages": "float:2,float:2"}),
        # A checkpoint of pre-training has neither the last layers nor the second network.
        ((1,), {"bits": 32, "strategy": "co_teaching", "stages": "rotnet:1,float:1"}),
        pytest.param((1, 2, 3, 4, 5), _EVERYTHING, marks=pytest.mark.slow),
        pytest.param((1, 2), {**_CLUSTERED, "stages": "prune:1,cluster:1,quantise:1"}, marks=pytest.mark.slow),
    ],
)
def test_resuming_a_small_network_is_exact(tmp_path, silent, monkeypatch, epochs, settings):
    monkeypatch.setattr(assembly, "build", _small)
    test_resuming_after_any_epoch_is_exact(tmp_path, silent, monkeypatch, epochs, settings)


@pytest.mark.parametrize(
    ("strategy", "bits"),
    # A network alone, two with filters of their own, an averaged one, and one with a branch that begins anew.
    [
        ("plain", 8),
        pytest.param("co_teaching", 32, marks=pytest.mark.slow),
        ("elr_plus", 32),
        pytest.param('{"name": "auxiliary", "strong": "standard"}', 8, marks=pytest.mark.slow),
    ],
)
def test_resuming_between_pruning_steps_is_exact(tmp_path, silent, monkeypatch, strategy, bits):
    monkeypatch.setattr(assembly, "build", _small)
    stages = "float:1,shrink:2,quantise:1" if bits == 8 else "float:1,shrink:3"
    recipe = dataclasses.replace(
        FLOAT,
        bits=bits,
        steps_per_epoch=2,
        epochs=4,
        stages=stages,
        pruning_ratio=0.5,
        pruning_steps=2,
        criterion="thinet",
        strategy=strategy,
    )
    original = callbacks.Record.on_epoch_end

    def keep(self, number, logs=None):
        original(self, number, logs)
        if number < 3:
            shutil.copytree(tmp_path / "whole", tmp_path / f"stopped{number + 1}")

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Record, "on_epoch_end", keep)
        whole = train(recipe, tmp_path / "whole", report=silent)
    steps = whole.read_json("pruning.json")["steps"]
    assert [row["groups"][0]["units_after"] for row in steps] == [6, 4]
    assert whole.read_arrays("weights.npz")["filters/conv"].shape == (4,)
    # The record of a step that was taken is added to, so it must be there, and whole.
    damaged = Run.open(tmp_path / "stopped3")
    kept = damaged.read_json("pruning.json")
    for content in ([], {}, {"steps": []}, {"steps": [{"step": 2}]}):
        damaged.write_json("pruning.json", content)
        with pytest.raises(RunError, match=r"pruning\.json"):
            train(recipe, damaged.path, resume=True, report=silent)
    (damaged.path / "pruning.json").unlink()
    with pytest.raises(RunError, match=r"pruning\.json is missing"):
        train(recipe, damaged.path, resume=True, report=silent)
    damaged.write_json("pruning.json", kept)
    for epoch in (1, 2, 3):
        resumed = train(recipe, tmp_path / f"stopped{epoch}", resume=True, report=silent)
        _assert_same(whole, resumed, "weights.npz", "checkpoint.npz")
        assert resumed.read_json("pruning.json") == whole.read_json("pruning.json")


def _assert_same(whole, resumed, *files):
    for file in files:
        one, other = (_by_place(run.read_arrays(file)) for run in (whole, resumed))
        assert one.keys() == other.keys()
        for name, value in one.items():
            np.testing.assert_array_equal(value, other[name], err_msg=f"{file}: {name}")
    kept = [
        [(row["epoch"], row["loss"], row.get("test_accuracy")) for row in run.read_lines("metrics.jsonl")]
        for run in (whole, resumed)
    ]
    assert kept[0] == kept[1]


def _by_place(arrays):
    """Names without the number that TF-MOT gives to a process's second network."""
    parts = {name: name.split("/") for name in arrays}
    return {(*part[:2], part[-1]): arrays[name] for name, part in parts.items()}


def _small(recipe, input_shape, classes):
    """A network with all that a checkpoint has to keep, traced in a fraction of the time."""
    layers = keras.layers
    image = keras.Input(input_shape, name="image")
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv")(image)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    return keras.Model(image, layers.Dense(classes, name="logits")(layers.Flatten(name="flat")(x)))


@pytest.mark.parametrize("bits", [32, *(pytest.param(bits, marks=pytest.mark.slow) for bits in (8, 4))])
@pytest.mark.parametrize("name", strategies.registry.entries())
def test_every_strategy_resumes_exactly(tmp_path, silent, monkeypatch, name, bits):
    """All networks, optimizers, tables and averages of a strategy come back from the checkpoint."""
    if bits == 32:
        monkeypatch.setattr(assembly, "build", _small)
    recipe = dataclasses.replace(FLOAT, bits=bits, steps_per_epoch=2, strategy=name)
    if getattr(strategies.registry.entry(name).factory, "taught", False):
        taught = dataclasses.replace(recipe, strategy="plain", bits=32, epochs=1, seed=5)
        recipe = dataclasses.replace(recipe, teacher=str(train(taught, tmp_path / "teacher", report=silent).path))
    original = callbacks.Record.on_epoch_end

    def keep(self, number, logs=None):
        original(self, number, logs)
        if number == 0:
            # All that a run leaves that is killed now.
            shutil.copytree(tmp_path / "whole", tmp_path / "stopped")

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.Record, "on_epoch_end", keep)
        whole = train(recipe, tmp_path / "whole", report=silent)
    resumed = train(recipe, tmp_path / "stopped", resume=True, report=silent)
    _assert_same(whole, resumed, "weights.npz", "checkpoint.npz", "examples.npz")
    groups = {key.split("/")[0] for key in whole.read_arrays("checkpoint.npz")}
    state = strategies.get(name).build(None, Problem(np.zeros(4, np.int64), 3))
    assert ("strategy" in groups) == bool(state.variables)
    numbers = ["", *range(1, state.networks)]
    assert {f"optimizer{n}" for n in numbers} == {group for group in groups if group.startswith("optimizer")}
    numbers += [state.networks] if state.average else []
    assert {f"network{n}" for n in numbers} == {group for group in groups if group.startswith("network")}


def test_a_finished_run_is_left_alone(trained, silent):
    before = (trained.path / "weights.npz").stat().st_mtime_ns
    said = []
    train(trained.recipe, trained.path, resume=True, report=said.append)
    assert "finished already" in said[0]
    assert (trained.path / "weights.npz").stat().st_mtime_ns == before


def test_resuming_with_other_flags_is_refused(trained):
    with pytest.raises(RunError, match=r"noise 0\.1, not 0\.4"):
        train(dataclasses.replace(trained.recipe, noise=0.1), trained.path, resume=True)


def test_one_directory_takes_one_run(trained):
    with pytest.raises(RunError, match="already holds a run"):
        train(trained.recipe, trained.path)


def test_other_data_are_refused_on_resume(tmp_path, silent):
    run = train(dataclasses.replace(FLOAT, epochs=1), tmp_path / "run", report=silent)
    (run.path / "summary.json").unlink()
    noise = run.read_json("noise.json")
    run.write_json("noise.json", {**noise, "labels_sha256": "0" * 64})
    with pytest.raises(DataError, match="are not those that"):
        train(run.recipe, run.path, resume=True, report=silent)
    run.write_json("noise.json", noise)
    rows = run.read_lines("metrics.jsonl")
    run.write_lines("metrics.jsonl", [])
    with pytest.raises(RunError, match="has 0 epochs"):
        train(run.recipe, run.path, resume=True, report=silent)
    run.write_lines("metrics.jsonl", rows)
    train(run.recipe, run.path, resume=True, report=silent)


def test_a_disk_that_tensorboard_fills_is_said_in_words(tmp_path, silent, monkeypatch):
    def full(self, *arguments, **settings):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(keras.callbacks.TensorBoard, "on_epoch_end", full)
    with pytest.raises(RunError, match="No space left on device"):
        train(FLOAT, tmp_path / "run", report=silent)


def test_a_damaged_checkpoint_is_named(tmp_path, silent):
    run = train(dataclasses.replace(FLOAT, epochs=1), tmp_path / "run", report=silent)
    (run.path / "summary.json").unlink()
    checkpoint = run.path / "checkpoint.npz"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-500])
    with pytest.raises(RunError, match=r"checkpoint\.npz can't be read"):
        train(run.recipe, run.path, resume=True, report=silent)
    np.savez(checkpoint, nothing=np.zeros(1))
    with pytest.raises(RunError, match="has no epoch"):
        train(run.recipe, run.path, resume=True, report=silent)
    checkpoint.unlink()
    train(run.recipe, run.path, resume=True, report=silent)
    assert run.read_json("summary.json")["epochs"] == 1


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"network": "resnet9"}, UsageError),
        ({"loss": "ggce"}, UsageError),
        ({"strategy": "ler"}, UsageError),
        ({"augmentation": "standrad"}, UsageError),
        ({"noise_kind": "uniform"}, UsageError),
        ({"dataset": "folder:/no/such"}, DataError),
    ],
)
def test_a_wrong_recipe_leaves_no_directory(tmp_path, settings, error):
    with pytest.raises(error):
        train(dataclasses.replace(SMALL, **settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_summaries_are_plain_json(trained):
    def refuse(name):
        raise AssertionError(name)

    json.loads((trained.path / "summary.json").read_text(), parse_constant=refuse)


@pytest.mark.parametrize("bits", [8, 32])
def test_statistics_are_frozen_in_the_last_phase(tmp_path, silent, monkeypatch, bits):
    """Seen from outside, after `fit`: the statistics stay, scales and kernels go on learning."""
    seen = []
    original = callbacks.Record.on_epoch_end

    def look(self, number, logs=None):
        seen.append({v.name: v.numpy() for v in self._trainer.network.weights})
        original(self, number, logs)

    monkeypatch.setattr(callbacks.Record, "on_epoch_end", look)
    train(dataclasses.replace(SMALL, bits=bits, epochs=4, freeze_batch_norm=0.5), tmp_path / "run", report=silent)
    moved = [{name for name in one if (one[name] != other[name]).any()} for one, other in itertools.pairwise(seen)]
    statistics = {name for name in seen[0] if "moving_mean" in name or "moving_variance" in name}
    assert len(statistics) == 14
    assert statistics <= moved[0]
    for later in moved[1:]:
        assert not statistics & later
        assert [name for name in later if "gamma" in name]
        assert [name for name in later if "kernel:" in name]
