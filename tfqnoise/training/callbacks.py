"""What happens after each batch and epoch: evaluation, records, checkpoint, guard."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfqnoise import metrics
from tfqnoise.assembly import arrays_of
from tfqnoise.backend import keras, tf
from tfqnoise.compression.forms import Form
from tfqnoise.compression.plan import Phase
from tfqnoise.data.dataset import Dataset
from tfqnoise.errors import TrainingError
from tfqnoise.networks.predict import Predictor
from tfqnoise.run import Run
from tfqnoise.strategies import State
from tfqnoise.training import checkpoint
from tfqnoise.training.engine import Trainer, evaluated
from tfqnoise.training.precision import convolutions

# Wrongly labelled training pictures that each epoch's memorisation is measured on; the same ones each time.
_SAMPLE = 2000


class Guard(keras.callbacks.Callback):
    """Stops at a loss, or at the end of an epoch a weight, that is not a finite number."""

    def __init__(self, run: Run, variables: list[Any]) -> None:
        super().__init__()
        self._run, self._variables = run, variables

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise self._error(f"the loss became {loss} in batch {batch + 1} of the epoch")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # The last step's loss was taken before its update; nothing unusable may reach a checkpoint.
        for variable in self._variables:
            if not np.isfinite(variable.numpy()).all():
                raise self._error(f"{variable.name} became infinite or not a number in epoch {epoch + 1}")

    def _error(self, received: str) -> TrainingError:
        kept = (self._run.path / checkpoint.FILE).exists()
        return TrainingError(
            received,
            "finite numbers",
            "train again with a lower --learning-rate, or with --clip-norm 1; "
            + ("the checkpoint and weights of the last good epoch are kept" if kept else "no epoch was finished"),
        )


class Clusters(keras.callbacks.Callback):
    """Writes what became of the centroids in each epoch to clusters.jsonl and TensorBoard, and revives empty ones
    while weights are drawn to them.

    The line of an epoch that a killed run repeats replaces the one it had.
    """

    def __init__(self, run: Run, form: Form) -> None:
        super().__init__()
        self._run, self._form = run, form
        self._writer = tf.summary.create_file_writer(str(run.path / "tensorboard" / "clusters"))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        rows = self._form.clusters()
        with self._writer.as_default(step=epoch):
            for row in rows:
                tf.summary.histogram(f"{row['layer']}/centroids", row["centroids"])
            for name, kernel in self._form.kernels().items():
                tf.summary.histogram(f"{name}/kernel", kernel)
        if self._form.codebooks and not self._form.snapped:
            revived = self._form.revive()
            rows = [{**row, "revived": revived.get(row["layer"], 0)} for row in rows]
        path = self._run.path / "clusters.jsonl"
        kept = [row for row in self._run.read_lines(path.name) if row["epoch"] <= epoch] if path.exists() else []
        self._run.write_lines(path.name, [*kept, {"epoch": epoch + 1, "layers": rows}])
        if logs is not None:
            logs["quantization_error"] = float(np.mean([row["error"] for row in rows]))
            logs["assignment_entropy_bits"] = float(np.mean([row["entropy_bits"] for row in rows]))
            logs["occupied_clusters"] = float(np.mean([row["occupied"] for row in rows]))


class Chance(keras.callbacks.Callback):
    """Makes what layers draw in an epoch (dropout) a function of seed and epoch, so a resumed run draws it again.

    Args:
        networks: whose layers draw; two of them draw differently.
        seed: of the run.
    """

    def __init__(self, networks: Sequence[Any], seed: int) -> None:
        super().__init__()
        layers = [module for each in networks for module in each.submodules if hasattr(module, "_random_generator")]
        found = [getattr(layer._random_generator, "_generator", None) for layer in layers]
        self._generators = [generator for generator in found if generator is not None]
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for number, generator in enumerate(self._generators):
            drawn = np.random.SeedSequence([self._seed, epoch, number]).generate_state(1)[0]
            generator.reset_from_seed(int(drawn))


class Stopwatch(keras.callbacks.Callback):
    """Adds `images_per_second` to each epoch's record: training alone, without evaluation and without the
    epoch's first batch, in which a graph may be built."""

    def __init__(self, batch_size: int) -> None:
        super().__init__()
        self._batch_size = batch_size

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._batches, self._began = 0, time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._last = time.perf_counter()
        if batch == 0:
            self._first = self._last
        self._batches += 1

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None and self._batches > 1:
            elapsed = self._last - self._first
            logs["images_per_second"] = (self._batches - 1) * self._batch_size / elapsed


class Magnitude(keras.callbacks.Callback):
    """Adds the magnitude of the augmentation in the middle of each epoch to the epoch's record, where it has one.

    Args:
        policy: the augmentation.
        schedule: of its magnitude.
        phase: whose span the schedule follows where it follows the epochs.
        share: gives what it follows in this epoch; None for the epochs.
    """

    def __init__(self, policy: Any, schedule: Any, phase: Phase, share: Callable[[], float | None]) -> None:
        super().__init__()
        self._policy, self._schedule, self._share = policy, schedule, share
        self._first, self._last = phase.span

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # A size in pixels stands in place of a magnitude.
        if logs is None or not hasattr(self._policy, "magnitude") or getattr(self._policy, "size", None) is not None:
            return
        share = self._share()
        if share is None:
            share = min(1.0, max(0.0, 1 - (epoch + 0.5 - self._first) / (self._last - self._first)))
        logs["magnitude"] = self._policy.magnitude * float(self._schedule(tf.constant(share, tf.float32)))


class Strategy(keras.callbacks.Callback):
    """Lets a strategy prepare each epoch, and adds what it finds out to the epoch's record.

    Args:
        state: the strategy's state.
        predict: see `tfqnoise.strategies.State.begin_epoch`.
    """

    def __init__(self, state: State, predict: Callable[[int], np.ndarray]) -> None:
        super().__init__()
        self._state, self._predict = state, predict

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._state.begin_epoch(epoch, self._predict)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs.update(self._state.findings())


class Evaluation(keras.callbacks.Callback):
    """Adds accuracies and memorisation to each epoch's record, and writes what is taken for what on the test pictures
    to confusion.json (rows are the test labels)."""

    def __init__(self, run: Run, trainer: Trainer, dataset: Dataset) -> None:
        super().__init__()
        self._run, self._trainer = run, trainer
        self._predict = Predictor(trainer.network)
        self._dataset = dataset
        wrong = np.flatnonzero(dataset.train.wrong)
        # Rows are in the order of ids, so an even stride is a fixed sample.
        self._wrong = wrong[np.linspace(0, len(wrong) - 1, min(_SAMPLE, len(wrong))).astype(int)]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Evaluation runs as the exported model will: always in float32.
        with evaluated(self._trainer), convolutions("float32"):
            (logs if logs is not None else {}).update(self._measure())

    def _measure(self) -> dict[str, float | None]:
        train, validation, test = self._dataset.train, self._dataset.validation, self._dataset.test
        names = list(self._dataset.source.class_names)
        if self._dataset.source.task == "multi":
            found = metrics.f1(test.labels, self._predict(test.images))
            return {
                "test_f1": found.mean,
                "validation_f1": metrics.f1(validation.given, self._predict(validation.examples.images)).mean,
                **{
                    f"f1_{name}": float(value)
                    for name, value in zip(self._dataset.source.class_names, found.f1, strict=True)
                },
            }
        logits = self._predict(test.images)
        matrix = metrics.confusion(test.labels, logits).tolist()
        self._run.write_json("confusion.json", {"class_names": names, "confusion_matrix": matrix})
        result: dict[str, float | None] = {
            "test_accuracy": metrics.accuracy(test.labels, logits),
            "validation_accuracy": metrics.accuracy(validation.given, self._predict(validation.examples.images)),
        }
        if len(self._wrong):
            logits = self._predict(train.examples.images[self._wrong])
            shares = metrics.memorisation(train.given[self._wrong], train.examples.labels[self._wrong], logits)
            result |= {"memorised": shares.memorised, "recovered": shares.recovered}
        return result


class Record(keras.callbacks.Callback):
    """Writes each epoch's line of metrics.jsonl, the evaluated weights and the checkpoint, in this order.

    A run killed in between goes on from the older checkpoint, which cuts the newer line off again.
    """

    def __init__(
        self,
        run: Run,
        trainer: Trainer,
        rows: list[dict[str, Any]],
        variables: Callable[[], dict[str, Any]],
        filters: dict[str, np.ndarray],
    ) -> None:
        super().__init__()
        self._run, self._trainer, self._rows, self._variables = run, trainer, rows, variables
        self._filters = filters
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        now = time.perf_counter()
        # A mirrored variable is no number by itself.
        rate = tf.convert_to_tensor(self._trainer.optimizer.learning_rate)
        values = {name: None if value is None else float(value) for name, value in (logs or {}).items()}
        row = {"epoch": epoch + 1, **values, "learning_rate": float(rate), "seconds": now - self._began}
        self._began = now
        self._rows.append(row)
        self._run.write_lines("metrics.jsonl", self._rows)
        with evaluated(self._trainer) as network:
            weights = arrays_of(network.weights, "network")
        state: dict[str, np.ndarray] = {"epoch": np.array(epoch + 1), **self._filters}
        self._run.write_arrays("weights.npz", state | weights)
        for group, variables in self._variables().items():
            state |= arrays_of(variables, group)
        self._run.write_arrays(checkpoint.FILE, state)
