import dataclasses

import numpy as np
import pytest

from tfqnoise import Recipe, Run
from tfqnoise.augmentation import schedules
from tfqnoise.augmentation.cutout import Cutout
from tfqnoise.backend import keras, tf
from tfqnoise.compression import plan
from tfqnoise.errors import TrainingError
from tfqnoise.training.callbacks import Chance, Guard, Magnitude, Stopwatch
from tfqnoise.training.train import train


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), np.float32("nan")])
def test_the_guard_stops_at_a_loss_that_is_no_number(tmp_path, loss):
    guard = Guard(Run(tmp_path), [])
    guard.on_train_batch_end(3, {"loss": 2.0})
    with pytest.raises(TrainingError, match="in batch 4"):
        guard.on_train_batch_end(3, {"loss": loss})


DIVERGING = Recipe(width=0.25, bits=32, epochs=4, warmup_epochs=2.0, learning_rate=1e38, weight_decay=0.0)


def test_a_diverging_run_stops(tmp_path, silent):
    with pytest.raises(TrainingError, match="no epoch was finished") as caught:
        train(dataclasses.replace(DIVERGING, steps_per_epoch=5), tmp_path / "run", report=silent)
    assert "--learning-rate" in str(caught.value)
    assert not list((tmp_path / "run").glob("*.npz"))


def test_the_last_good_epoch_is_kept(tmp_path, silent):
    """One step an epoch: the first has a rate of 0, and a later one leaves weights that are no numbers."""
    with pytest.raises(TrainingError, match="last good epoch are kept"):
        train(dataclasses.replace(DIVERGING, steps_per_epoch=1), tmp_path / "run", report=silent)
    run = Run.open(tmp_path / "run")
    assert not (run.path / "summary.json").exists()
    for name in ("weights.npz", "checkpoint.npz"):
        assert all(np.isfinite(values).all() for values in run.read_arrays(name).values())


def test_the_stopwatch_leaves_the_first_batch_out(monkeypatch):
    from tfqnoise.training import callbacks

    times = iter([0.0, 10.0, 11.0, 12.0])
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: next(times))
    watch, logs = Stopwatch(50), {}
    watch.on_epoch_begin(0)
    for batch in range(3):
        watch.on_train_batch_end(batch)
    watch.on_epoch_end(0, logs)
    assert logs == {"images_per_second": 50.0}


def test_what_layers_draw_is_a_function_of_seed_and_epoch():
    networks = []
    for _ in range(2):
        image = keras.Input([100])
        networks.append(keras.Model(image, keras.layers.Dropout(0.5, rng_type="stateful")(image)))
    answer = tf.function(lambda: [network(tf.ones([1, 100]), training=True) for network in networks])

    def drawn(seed, epoch):
        Chance(networks, seed).on_epoch_begin(epoch)
        return np.concatenate([*answer(), *answer()])

    once = drawn(3, 1)
    np.testing.assert_array_equal(drawn(3, 1), once)
    # Of both networks, in both steps, and in other epochs and runs.
    rows = np.concatenate([once, drawn(3, 2), drawn(4, 1)])
    assert len(np.unique(rows, axis=0)) == len(rows)


@pytest.mark.parametrize(("policy", "logged"), [(Cutout(0.4), 0.1), (Cutout(size=4), None)])
def test_the_magnitude_is_noted_where_there_is_one(policy, logged):
    """A square of so many pixels has none."""
    (phase,) = plan.phases(Recipe(bits=32, epochs=2))
    logs = {}
    Magnitude(policy, schedules.get("falling"), phase, lambda: None).on_epoch_end(1, logs)
    assert logs == ({} if logged is None else {"magnitude": pytest.approx(logged)})
