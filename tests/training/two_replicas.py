"""Trains on two or three logical devices, which a process has from its start or not at all; writes found.json.

Run by test_replicas.py. Arguments: a folder and, to try these instead of everything else, names of strategies.
"""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

from tfqnoise import backend

backend.reserve(3)

import numpy as np  # noqa: E402

from tfqnoise import Recipe, Run, assembly, losses, strategies  # noqa: E402
from tfqnoise.backend import keras, tf  # noqa: E402
from tfqnoise.compression.forms import Form  # noqa: E402
from tfqnoise.compression.quantization.activations.lsq import Lsq  # noqa: E402
from tfqnoise.export import export  # noqa: E402
from tfqnoise.strategies import Problem  # noqa: E402
from tfqnoise.strategies.table import Table  # noqa: E402
from tfqnoise.training import callbacks, optimizers  # noqa: E402
from tfqnoise.training.dynamics import Dynamics  # noqa: E402
from tfqnoise.training.engine import Member, Trainer  # noqa: E402
from tfqnoise.training.replicas import Replicas, put_back  # noqa: E402
from tfqnoise.training.train import train  # noqa: E402

LEARNED = Recipe(
    noise=0.4,
    epochs=4,
    batch_size=32,
    # Frozen batch norms would have the graph built once more.
    freeze_batch_norm=0.0,
    strategy='{"name": "pencil", "first": 0.3, "second": 0.7}',
    replicas=2,
)
SMALL = Recipe(warmup_epochs=0.0, batch_size=16, learning_rate=0.01, weight_average=0.9)
RANDOM = np.random.default_rng(0)
EXAMPLES = 16
REPLICAS = Replicas(2)


def small(recipe, input_shape, classes):
    x = image = keras.Input(input_shape)
    for number, (filters, strides) in enumerate([(16, 1), (32, 2)]):
        x = keras.layers.Conv2D(filters, 3, strides, "same", use_bias=False, name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(name=f"norm{number}", momentum=0.9)(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    x = keras.layers.Flatten(name="flat")(x)
    return keras.Model(image, keras.layers.Dense(classes, name="logits")(x), name="small")


def without_norms():
    x = image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))


def step(replicas, images, labels):
    """Takes two steps of SGD on one batch; returns weights, averages, tables and the loss shown."""
    problem = Problem(labels, 3, devices=replicas.devices)
    state = strategies.get("elr").build(losses.scheduled(losses.get("cross_entropy")), problem)
    state.average = 0.5
    dynamics = Dynamics(EXAMPLES, replicas.devices)
    with replicas.scope():
        networks = [without_norms() for _ in range(2)]
        for network in networks:
            start = np.random.default_rng(1)
            network.set_weights([start.normal(0, 0.5, w.shape) for w in network.get_weights()])
        form = Form(networks[0])
        optimizer = optimizers.build(SMALL, 5, form.trained())
        mask = tf.Variable(start.integers(0, 2, form.trained()[2].shape).astype(np.float32), trainable=False)
        penalties = [lambda passed: 0.3 * tf.reduce_sum(tf.square(form.trained()[0]))]
        member = Member(form, form.trained(), optimizer, penalties, [(form.trained()[2], mask)])
        trainer = Trainer([member], state, average=Form(networks[1]), dynamics=dynamics)
        shares = [np.arange(EXAMPLES)[place :: replicas.count] for place in range(replicas.count)]
        elements = [
            {"image": images[rows], "label": labels[rows], "row": rows.astype(np.int64), "passed": np.float32(0.5)}
            for rows in shares * 2
        ]
        stacked = {name: np.stack([each[name] for each in elements]) for name in elements[0]}
        batches = tf.data.Dataset.from_tensor_slices(stacked)
        history = trainer.fit(replicas.feed(batches), steps_per_epoch=2, verbose=0)
    return {
        "weights": networks[0].get_weights(),
        "weight averages": [v.numpy() for v in optimizer._model_variables_moving_average],
        "averaged network": networks[1].get_weights(),
        "table": [state.targets.value()],
        "dynamics": [dynamics.seen.value(), dynamics.margins.value(), dynamics.losses.value()],
        "loss": [np.array(history.history["loss"])],
    }


def equivalence():
    """Returns the largest relative difference between one replica's steps and two's, by what differs."""
    images, labels = RANDOM.integers(0, 256, (EXAMPLES, 8, 8, 1), np.uint8), RANDOM.integers(0, 3, EXAMPLES)
    one, two = (step(replicas, images, labels) for replicas in (Replicas(1), REPLICAS))
    return {
        name: max(float(np.abs(a - b).max() / np.abs(a).max()) for a, b in zip(one[name], two[name], strict=True))
        for name in one
    }


def tables():
    """Returns a table after each replica has doubled, replaced and added to rows of its own."""
    table = Table(np.arange(14, dtype=np.float32).reshape(7, 2), "table", REPLICAS.devices)
    own = [np.array([0, 4], np.int64), np.array([3, 5], np.int64)]

    def change(rows):
        table.update(rows, -table.gather(rows))
        table.add(rows[:1], tf.ones([1, 2]) * 100)

    strategy = REPLICAS._strategy
    rows = strategy.experimental_distribute_values_from_function(
        lambda context: own[context.replica_id_in_sync_group]
    )
    strategy.run(tf.function(change), args=(rows,))
    return {"value": table.value().tolist(), "devices": [shard.device[-5:] for shard in table]}


def changed():
    """Returns how many of a thousand values three replicas change by putting them back."""
    replicas = Replicas(3)
    with replicas.scope():
        variable = tf.Variable(RANDOM.normal(0, 1, 1000).astype(np.float32), trainable=False)
    before = variable.numpy()

    def move():
        kept = tf.identity(variable)
        variable.assign_add(tf.ones_like(kept))
        put_back(variable, kept)

    replicas._strategy.run(tf.function(move))
    return int((variable.numpy() != before).sum())


def gradients():
    """Returns the gradient of a learned step of activations from one replica on 16 values and from two on 8 each."""
    values, quantizer, found = np.random.default_rng(0).normal(0, 3, 16).astype(np.float32), Lsq(4, False), []
    for replicas in (Replicas(1), REPLICAS):
        with replicas.scope():
            layer = keras.layers.Layer()
            variables = quantizer.build(None, "output", layer)
            variables["step"].assign(0.5)
            variables["started"].assign(1.0)

        def gradient(own, variables=variables):
            with tf.GradientTape() as tape:
                total = tf.reduce_sum(tf.square(quantizer.quantise(own, variables)))
            return tape.gradient(total, variables["step"])

        if replicas.count == 1:
            found.append(float(gradient(tf.constant(values))))
            continue
        strategy = replicas._strategy
        own = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(values[context.replica_id_in_sync_group :: 2])
        )
        each = strategy.run(tf.function(gradient), args=(own,))
        found.append(float(strategy.reduce(tf.distribute.ReduceOp.SUM, each, axis=None)))
    return found


def differing(recipe, folder, said):
    """Trains a run and resumes what a kill within its second epoch would have left of it.

    Returns the run, and what isn't the same in the resumed one.
    """
    epoch_end = callbacks.Record.on_epoch_end

    def keep(record, epoch, logs=None):
        epoch_end(record, epoch, logs)
        if epoch == 0:
            shutil.copytree(folder / "whole", folder / "killed")

    callbacks.Record.on_epoch_end = keep
    whole = train(recipe, folder / "whole", report=said.append)
    callbacks.Record.on_epoch_end = epoch_end
    assert len(Run(folder / "killed").read_lines("metrics.jsonl")) == 1
    resumed = train(recipe, folder / "killed", resume=True, report=said.append)
    found = []
    for name in ("weights.npz", "checkpoint.npz", "examples.npz"):
        one, other = whole.read_arrays(name), resumed.read_arrays(name)
        # Only the last part of a name is the variable's own: in one process Keras numbers layers on.
        pairs = zip(sorted(one), sorted(other), strict=True)
        found += [
            key
            for key, same in pairs
            if not np.array_equal(one[key], other[same], equal_nan=key in ("margin", "loss"))
        ]
    return whole, found


def run(folder):
    """Trains a run that resumes, and exports it."""
    assembly.build = small
    said = []
    whole, found = differing(LEARNED, folder, said)
    export(whole, report=said.append)
    return {
        "differing": found,
        "said": said,
        "seen": whole.read_arrays("examples.npz")["seen"].tolist(),
        "checkpoint": sorted(name for name in whole.read_arrays("checkpoint.npz") if name.startswith("strategy/")),
        "summary": whole.read_json("summary.json"),
        "agreement": whole.read_json("export/report.json"),
    }


def resumed(name, folder):
    """Returns what a resumed run of a strategy has other than one that was never killed."""
    assembly.build = small
    recipe = dataclasses.replace(LEARNED, strategy=name, epochs=3, steps_per_epoch=3)
    if getattr(strategies.registry.entry(name).factory, "taught", False):
        alone = dataclasses.replace(recipe, strategy="plain", epochs=1)
        recipe = dataclasses.replace(recipe, teacher=str(train(alone, folder / "teacher", report=len).path))
    return differing(recipe, folder, [])[1]


if __name__ == "__main__":
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    if names:
        found = {name: resumed(name, folder / name) for name in names}
    else:
        found = {
            "equivalence": equivalence(),
            "tables": tables(),
            "changed": changed(),
            "gradients": gradients(),
            "run": run(folder),
        }
    (folder / "found.json").write_text(json.dumps(found))
