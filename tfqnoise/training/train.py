"""A run from its recipe to its summary."""

import contextlib
import dataclasses
import importlib.metadata
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfqnoise import assembly, augmentation, losses, networks, strategies
from tfqnoise.backend import keras, tf
from tfqnoise.compression import forms, plan
from tfqnoise.compression.clustering import initialisations, penalties, schedules
from tfqnoise.compression.forms import Form
from tfqnoise.compression.pruning import magnitude
from tfqnoise.data import dataset as data
from tfqnoise.data import pipeline
from tfqnoise.data.dataset import Dataset
from tfqnoise.errors import DataError, RunError
from tfqnoise.networks import cost
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run
from tfqnoise.training import optimizers, precision
from tfqnoise.training.callbacks import Clusters, Evaluation, Guard, Record, Stopwatch
from tfqnoise.training.engine import set_batch_norm_frozen, trainer_of

_VERSIONS = (
    "tfqnoise",
    "tensorflow",
    "tf-keras",
    "tensorflow-model-optimization",
    "tensorflow-datasets",
    "numpy",
)


def train(
    recipe: Recipe,
    run_dir: str | os.PathLike[str] | None = None,
    *,
    resume: bool = False,
    report: Callable[[str], None] = print,
) -> Run:
    """Trains as the recipe says and returns the finished run.

    Args:
        recipe: everything about the run.
        run_dir: the run directory; `runs/<time>-<dataset>-<network>` if not given, or with `resume` the newest.
        resume: go on with the run in the directory. The final weights are those of an uninterrupted run.
        report: takes each message.

    Raises:
        TfqnoiseError: for everything a user can mend: data, recipe, plan, run directory, diverged training.

    Example:
        >>> run = train(Recipe(noise=0.4, epochs=1), "runs/try")
        >>> run.read_json("summary.json")["test_accuracy_last"]
    """
    precision.check(recipe.precision)
    if resume:
        run = Run.open(run_dir) if run_dir else Run.newest()
        if run.recipe != recipe:
            raise RunError(
                f"the flags differ from the recipe of {run.path}: {_differences(recipe, run.recipe)}",
                "the run's own recipe",
                "leave the flags out, or start a new run with them",
            )
        return _Session(recipe, report).go(run)
    # Everything that a wrong flag can break comes before there is a run directory.
    Run.refuse_existing(run_dir)
    session = _Session(recipe, report)
    return session.go(Run.create(recipe, run_dir))


@contextlib.contextmanager
def _explained(run: Run) -> Iterator[None]:
    """Says in words what TensorFlow's own writers (TensorBoard) and allocators met."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, tf.errors.PermissionDeniedError) as error:
        raise RunError(
            f"training in {run.path} stopped: {error.message.splitlines()[0][:200]}",
            "a writable disk with room, and memory for the batch",
            "free space (or lower --batch-size if it is memory), then go on with --resume",
        ) from error


def _differences(asked: Recipe, stored: Recipe) -> str:
    pairs = zip(asked.to_dict().items(), stored.to_dict().values(), strict=True)
    return ", ".join(f"{name} {new!r}, not {old!r}" for (name, new), old in pairs if new != old)


class _Session:
    """One process's part of a run."""

    def __init__(self, recipe: Recipe, report: Callable[[str], None]) -> None:
        self.recipe, self.report = recipe, report
        self.phases = plan.phases(recipe)
        # Names are looked up before the data are loaded, which may take minutes.
        networks.get(recipe.network, width=recipe.width)
        augmentation.registry.entry(str(augmentation.registry.parse(recipe.augmentation)["name"]))
        for family, spec in (
            (penalties, recipe.penalty),
            (schedules, recipe.penalty_schedule),
            (initialisations, recipe.initialisation),
        ):
            family.get(spec)
        loss, strategy = losses.get(recipe.loss), strategies.get(recipe.strategy)
        self.dataset: Dataset = data.load(recipe)
        self.steps = pipeline.steps_per_epoch(recipe, len(self.dataset.train))
        pipeline.policy(recipe, self.dataset.source)
        self.rows: list[dict[str, Any]] = []
        keras.utils.set_random_seed(recipe.seed)
        # Some kernels add up in the order in which threads finish; with this, a run repeats bit for bit.
        tf.config.experimental.enable_op_determinism()
        self.network = assembly.build(recipe, self.dataset.input_shape, self.dataset.classes)
        self.cost = {"parameters": cost.parameters(self.network), "macs": cost.macs(self.network)}
        self.strategy = strategy.build(loss, len(self.dataset.train), self.dataset.classes)
        # The preflight: a layer that can't be quantised is found now, not after the float epochs.
        self.preflight = assembly.compress(recipe, self.network)
        forms.penalty_weights(recipe, self.preflight)
        self.form: Form | None = None
        self.entered: plan.Phase | None = None
        self.variables: list[Any] = []
        self.optimizer: Any = None

    def go(self, run: Run) -> Run:
        with run.lock():
            if (run.path / "summary.json").exists():
                self.report(f"{run.path} is finished already")
                return run
            self._show()
            self._check_data(run)
            run.write_json("noise.json", self.dataset.record)
            run.write_json("plan.json", self._plan())
            checkpoint = self._checkpoint(run)
            done = int(checkpoint["epoch"]) if checkpoint else 0
            for phase in self.phases:
                # A checkpoint from the very end of a phase is put back into that phase's network, from which
                # the next one then starts as it would have without the interruption.
                if done <= phase.end:
                    self._train(run, phase, max(done, phase.start), checkpoint)
                    checkpoint = None
            if self.form is not None:
                forms.check(self.recipe, self.form, self.phases[-1])
            run.write_json("summary.json", self._summary())
        self._conclude(run)
        return run

    def _check_data(self, run: Run) -> None:
        """Refuses to go on with other pictures or labels than the run began with."""
        if not (run.path / "noise.json").exists():
            return
        before, now = run.read_json("noise.json").get("labels_sha256"), self.dataset.record["labels_sha256"]
        if before != now:
            raise DataError(
                f"the pictures or labels of {self.recipe.dataset} are not those that {run.path} began with",
                f"labels with the hash {before}, as noise.json has it",
                "put the data back as they were, or start a new run with them",
            )

    def _checkpoint(self, run: Run) -> dict[str, np.ndarray] | None:
        if not (run.path / "checkpoint.npz").exists():
            return None
        checkpoint = run.read_arrays("checkpoint.npz")
        if "epoch" not in checkpoint:
            raise RunError(
                f"{run.path / 'checkpoint.npz'} has no epoch",
                "a checkpoint of tfqnoise",
                "restore it from a copy, or train again into another --run-dir",
            )
        self.rows = run.read_lines("metrics.jsonl")[: int(checkpoint["epoch"])]
        if len(self.rows) < int(checkpoint["epoch"]):
            raise RunError(
                f"{run.path / 'metrics.jsonl'} has {len(self.rows)} epochs, the checkpoint {checkpoint['epoch']}",
                "a line for each epoch of the checkpoint",
                "restore both from one copy, or train again into another --run-dir",
            )
        self.report(f"going on after epoch {int(checkpoint['epoch'])}")
        return checkpoint

    def _train(self, run: Run, phase: plan.Phase, start: int, checkpoint: dict[str, np.ndarray] | None) -> None:
        """Trains the rest of a phase, from a checkpoint or from where the phase before left off."""
        form = self._enter(phase)
        trainer = trainer_of(self.recipe, form, phase, self.strategy, self.variables, self.steps)
        # `fit` trains with what was trainable when the model was compiled, so freezing comes first.
        set_batch_norm_frozen(form.network, phase.batch_norm_frozen)
        trainer.compile(optimizer=self.optimizer)
        state = {
            "network": list(form.network.weights),
            "optimizer": list(self.optimizer.variables),
            "strategy": list(self.strategy.variables),
            "compression": form.state(),
        }
        if checkpoint is not None:
            for group, variables in state.items():
                assembly.assign(variables, checkpoint, group, run.path / "checkpoint.npz")
            form.restored()
        if start == phase.end:
            return
        size = min(self.recipe.batch_size, len(self.dataset.train))
        with precision.convolutions(self.recipe.precision), _explained(run):
            trainer.fit(
                pipeline.batches(self.recipe, self.dataset, start),
                initial_epoch=start,
                epochs=phase.end,
                steps_per_epoch=self.steps,
                verbose="auto" if os.isatty(1) else 2,
                callbacks=[
                    *([magnitude.callback()] if phase.pruning else []),
                    Guard(run, [*form.network.weights, *form.state()]),
                    *([Clusters(run, form)] if phase.clustering or phase.snapped else []),
                    Stopwatch(size),
                    Evaluation(trainer, self.dataset),
                    Record(run, trainer, self.rows, lambda: state),
                    keras.callbacks.TensorBoard(run.path / "tensorboard", write_graph=False, profile_batch=0),
                ],
            )

    def _enter(self, phase: plan.Phase) -> Form:
        """Makes network, trained variables and optimizer those of the phase, and returns its form.

        They stay the same objects from phase to phase as long as the form does.
        """
        before, self.entered = self.entered, phase
        if self.form is not None and before is not None:
            if before.form == phase.form:
                return self.form
            set_batch_norm_frozen(self.form.network, False)
            forms.check(self.recipe, self.form, before)
        if self.form is None and phase.form == self.phases[-1].form:
            self.form = self.preflight
        else:
            self.form = forms.build(self.recipe, phase, self.network, self.form, self.steps)
        self.variables = self.form.trained()
        self.optimizer = optimizers.build(self.recipe, self.steps, self.variables, phase)
        return self.form

    def _plan(self) -> dict[str, Any]:
        return {
            "phases": [dataclasses.asdict(phase) for phase in self.phases],
            "layers": [dataclasses.asdict(layer) for layer in self.preflight.layers],
        }

    def _show(self) -> None:
        d, record = self.dataset, self.dataset.record
        self.report(
            f"{self.recipe.dataset}: {len(d.train)} training, {len(d.validation)} validation and {len(d.test)} "
            f"test pictures, {d.classes} classes\n"
            f"noise {record['kind']} {record['rate']:g}: {record['effective_rate']:.1%} of the labels are wrong "
            f"({record['expected_effective_rate']:.1%} expected)\n"
            f"{self.recipe.network}: {self.cost['parameters']:,} parameters, {self.cost['macs']:,} "
            "multiply-accumulates a picture"
        )
        for phase in self.phases:
            self.report(str(phase))
        if self.preflight.layers:
            self.report(plan.table(self.preflight.layers))

    def _summary(self) -> dict[str, Any]:
        last = self.rows[-1]
        # The best of the network that the run ends with, not of the float one that it may have begun with.
        began = next(p.start for p in self.phases if p.form == self.phases[-1].form)
        best = max(row["test_accuracy"] for row in self.rows if row["epoch"] > began)
        speeds = [row["images_per_second"] for row in self.rows if "images_per_second" in row]
        return {
            "test_accuracy_last": last["test_accuracy"],
            "test_accuracy_best": best,
            "test_labels": self.dataset.source.test_labels,
            "validation_accuracy_last": last["validation_accuracy"],
            "memorised_last": last.get("memorised"),
            "recovered_last": last.get("recovered"),
            "images_per_second": float(np.median(speeds)) if speeds else None,
            **self.cost,
            "wall_seconds": math.fsum(row["seconds"] for row in self.rows),
            "epochs": len(self.rows),
            "seed": self.recipe.seed,
            "input_shape": list(self.dataset.input_shape),
            "class_names": list(self.dataset.source.class_names),
            "recipe_hash": self.recipe.hash(),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in _VERSIONS},
            },
        }

    def _conclude(self, run: Run) -> None:
        s = run.read_json("summary.json")
        self.report(
            f"\ntest accuracy ({s['test_labels']} labels)  last {s['test_accuracy_last']:.2%}, "
            f"best {s['test_accuracy_best']:.2%}\n"
            f"validation accuracy (noisy labels)  last {s['validation_accuracy_last']:.2%}"
        )
        if s["memorised_last"] is not None:
            self.report(
                f"of the wrongly labelled training pictures: memorised {s['memorised_last']:.1%}, "
                f"recovered {s['recovered_last']:.1%}"
            )
        self.report(f"run: {run.path}")
