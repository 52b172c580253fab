"""One process's part of a run: from the data to the finished summary, through all phases."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tfqnoise import assembly, augmentation, losses, strategies
from tfqnoise.augmentation import schedules as magnitude_schedules
from tfqnoise.backend import keras, tf
from tfqnoise.compression import forms, plan
from tfqnoise.compression.clustering import initialisations, penalties, schedules
from tfqnoise.compression.forms import Form
from tfqnoise.compression.pruning import criteria, magnitude, surgery
from tfqnoise.data import dataset as data
from tfqnoise.data import pipeline
from tfqnoise.data.dataset import Dataset
from tfqnoise.errors import RunError
from tfqnoise.networks import cost
from tfqnoise.networks.predict import Predictor
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run
from tfqnoise.strategies import TEACHER, Problem, State
from tfqnoise.strategies.plain import Plain
from tfqnoise.training import checkpoint as checkpoints
from tfqnoise.training import inputs, precision, preflight, rotnet, summary
from tfqnoise.training.callbacks import Chance, Clusters, Evaluation, Guard, Magnitude, Record, Stopwatch, Strategy
from tfqnoise.training.dynamics import Dynamics, examples
from tfqnoise.training.engine import Member, Trainer, members_of
from tfqnoise.training.replicas import Replicas
from tfqnoise.training.shrinking import Shrinking
from tfqnoise.training.teacher import answers, teacher
from tfqnoise.training.weights import started


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


class Session:
    """One process's part of a run.

    Args:
        recipe: everything about the run.
        report: takes each message.

    Raises:
        TfqnoiseError: for all that can be found out before training.
    """

    def __init__(self, recipe: Recipe, report: Callable[[str], None]) -> None:
        self.recipe, self.report = recipe, report
        self.phases = plan.phases(recipe)
        # Names are looked up before the data are loaded, which may take minutes.
        assembly.factory(recipe)
        augmentation.registry.entry(str(augmentation.registry.parse(recipe.augmentation)["name"]))
        for family, spec in (
            (penalties, recipe.penalty),
            (schedules, recipe.penalty_schedule),
            (initialisations, recipe.initialisation),
            (criteria, recipe.criterion),
        ):
            family.get(spec)
        self.magnitudes = magnitude_schedules.get(recipe.magnitude_schedule)
        loss, strategy = losses.get(recipe.loss), strategies.get(recipe.strategy)
        self.dataset: Dataset = data.load(recipe)
        if recipe.loss == Recipe.loss:
            loss = losses.get(losses.USUAL[self.dataset.source.task])
        preflight.check(recipe, self.dataset, self.phases, loss, strategy)
        pipeline.policy(recipe, self.dataset.source)
        self.rows: list[dict[str, Any]] = []
        keras.utils.set_random_seed(recipe.seed)
        # Some kernels add up in the order in which threads finish; with this, a run repeats bit for bit.
        tf.config.experimental.enable_op_determinism()
        losses.preflight(self._weighted(loss), self.dataset.classes)
        self.replicas = Replicas(recipe.replicas)
        with self.replicas.scope():
            self.network, filters = self._peer(), dict[str, np.ndarray]()
            self.whole = cost.parameters(self.network)
            if recipe.weights:
                self.network, filters = started(recipe, self.network)
            # The preflight: a layer that can't be quantised is found now, not after the float epochs.
            self.preflight = assembly.compress(recipe, self.network)
            forms.penalty_weights(recipe, self.preflight)
            self.teacher = teacher(recipe, self.dataset) if recipe.teacher else None
        # Tables are sharded, not mirrored.
        self.strategy: State = self._state_of(strategy, loss)
        self.dynamics = Dynamics(len(self.dataset.train), self.replicas.devices)
        preflight.check_learned(
            recipe, self.magnitudes, self.strategy.answers and self.dataset.source.task == "single"
        )
        with self.replicas.scope():
            self._begin(filters)
        self.forms: list[Form] = []
        self.members: list[Member] = []
        self.entered: plan.Phase | None = None

    def _state_of(self, strategy: Any, loss: Any) -> State:
        first, last = self.phases[-1].span
        problem = Problem(
            self.dataset.train.given,
            self.dataset.classes,
            last - first,
            first,
            self.recipe.seed,
            answers(self.teacher) if self.teacher is not None else None,
            self.replicas.devices,
        )
        state: State = strategy.build(losses.scheduled(self._weighted(loss)), problem)
        return state

    def _begin(self, filters: dict[str, np.ndarray]) -> None:
        """Makes the networks beside the first, which has the given filters left."""
        self.branch = self.strategy.branch(self.network)
        # Peers begin with weights of their own and the first's filters, an average with its weights, too.
        count = self.strategy.networks + bool(self.strategy.average) - bool(self.branch)
        self.plain = [self.network, *(surgery.rebuilt(self._peer(), filters) for _ in range(count - 1))]
        if self.strategy.average:
            self.plain[-1].set_weights(self.network.get_weights())
        self.shrinking = Shrinking(self.recipe, self.dataset, self.plain, filters, bool(self.strategy.average))

    def _peer(self) -> Any:
        return assembly.build(self.recipe, self.dataset.input_shape, self.dataset.classes)

    def _weighted(self, loss: Any) -> Any:
        if self.dataset.source.task == "multi" and self.recipe.label_weights != "none":
            return loss.weighted(self.dataset.label_weights)
        return loss

    def go(self, run: Run) -> Run:
        """Trains what is left of a run and returns it."""
        with run.lock(), self.replicas.scope():
            if (run.path / "summary.json").exists():
                self.report(f"{run.path} is finished already")
                return run
            said = summary.beginning(self.recipe, self.dataset, self.network, self.phases, self.preflight, self.whole)
            self.report(said)
            if self.replicas.count > 1:
                self.report(self.replicas.said())
            inputs.keep(run, self.dataset)
            run.write_json("plan.json", summary.plan_of(self.phases, self.preflight))
            found, done = checkpoints.read(run), 0
            checkpoint, self.rows = found or (None, self.rows)
            if checkpoint is not None:
                done = int(checkpoint["epoch"])
                self.report(f"going on after epoch {done}")
                self._take_filters(run, checkpoint, done)
            for phase in self.phases:
                # A checkpoint from the very end of a phase is put back into that phase's network, from which
                # the next one then starts as it would have without the interruption.
                if done <= phase.end:
                    self._train(run, phase, max(done, phase.start), checkpoint)
                    checkpoint = None
            if self.forms:
                forms.check(self.recipe, self.forms[0], self.phases[-1])
            if self.dataset.source.task == "single":
                run.write_arrays("examples.npz", examples(self.dataset, self.dynamics, self.strategy))
            result = summary.of(self.recipe, self.dataset, self.network, self.phases, self.rows)
            run.write_json("summary.json", result)
        self.report(f"{summary.end(result)}\nrun: {run.path}")
        if outdated := run.outdated():
            self.report(outdated)
        return run

    def _train(self, run: Run, phase: plan.Phase, start: int, checkpoint: dict[str, np.ndarray] | None) -> None:
        """Trains the rest of a phase, from a checkpoint or from where the phase before left off."""
        self._enter(run, phase)
        steps = self._steps(phase)
        for form in self.forms:
            # `fit` trains with what was trainable when the model was compiled, so freezing comes first.
            forms.set_batch_norm_frozen(form.network, phase.batch_norm_frozen)
        strategy = self._strategy(phase)
        trainer = Trainer(
            self.members,
            strategy,
            (phase.stage[1] - phase.stage[0]) * steps,
            self.forms[-1] if strategy.average else None,
            None if phase.rotation or phase.trusted else self.dynamics,
            accuracy=strategy.answers and self.dataset.source.task == "single",
        )
        state = self._state()
        if checkpoint is not None:
            for group, variables in state.items():
                assembly.assign(variables, checkpoint, group, run.path / checkpoints.FILE)
            for form in self.forms:
                form.restored()
        if start == phase.end:
            return
        callbacks = self._callbacks(run, phase, trainer, strategy, state)
        learned = hasattr(self.magnitudes, "after")
        with precision.convolutions(self.recipe.precision), _explained(run):
            for first, end in itertools.pairwise(range(start, phase.end + 1) if learned else (start, phase.end)):
                trainer.fit(
                    self._batches(phase, first, strategy),
                    initial_epoch=first,
                    epochs=end,
                    steps_per_epoch=steps,
                    verbose="auto" if os.isatty(1) else 2,
                    callbacks=callbacks,
                )

    def _batches(self, phase: plan.Phase, first: int, strategy: State) -> Any:
        return self.replicas.feed(
            pipeline.batches(
                self.recipe,
                self.dataset,
                first,
                phase=phase,
                size_share=self._size_share(),
                replicas=self.replicas.count,
                **strategy.pictures(),
            )
        )

    def _size_share(self) -> float | None:
        """Returns what the magnitude of the augmentation follows in the next epoch; None for the epochs."""
        if hasattr(self.magnitudes, "after"):
            return float(self.magnitudes.after(self.rows))
        return self.shrinking.left(self.shrinking.steps)

    def _callbacks(
        self, run: Run, phase: plan.Phase, trainer: Trainer, strategy: State, state: dict[str, list[Any]]
    ) -> list[Any]:
        form, size = self.forms[0], min(self.recipe.batch_size, len(self.dataset.train))
        pictures = self.dataset.train.examples.images
        predictors = {number: Predictor(member.form.network) for number, member in enumerate(self.members)}
        if self.teacher is not None:
            predictors[TEACHER] = Predictor(self.teacher)
        return [
            *([magnitude.callback()] if phase.pruning else []),
            Chance([each.network for each in self.forms], self.recipe.seed),
            Strategy(strategy, lambda number: predictors[number](pictures)),
            Guard(run, [v for each in self.forms for v in (*each.network.weights, *each.state())]),
            *([Clusters(run, form)] if phase.clustering or phase.snapped else []),
            Stopwatch(size),
            Magnitude(pipeline.policy(self.recipe, self.dataset.source), self.magnitudes, phase, self._size_share),
            *([] if phase.rotation else [Evaluation(run, trainer, self.dataset)]),
            Record(run, trainer, self.rows, lambda: state, self.shrinking.arrays()),
            keras.callbacks.TensorBoard(run.path / "tensorboard", write_graph=False, profile_batch=0),
        ]

    def _state(self) -> dict[str, list[Any]]:
        """Returns the variables of a checkpoint, by group."""
        state = {"strategy": list(self.strategy.variables), "dynamics": list(self.dynamics.variables)}
        for number, form in enumerate(self.forms):
            mark = str(number) if number else ""
            state[f"network{mark}"] = list(form.network.weights)
            state[f"compression{mark}"] = form.state()
            if number < len(self.members):
                state[f"optimizer{mark}"] = list(self.members[number].optimizer.variables)
        return state

    def _steps(self, phase: plan.Phase) -> int:
        return pipeline.steps_per_epoch(self.recipe, self.dataset, phase)

    def _strategy(self, phase: plan.Phase) -> State:
        """Returns what gives the losses of a phase: pictures without labels and trusted labels need no remedy."""
        if phase.rotation:
            return rotnet.Rotation()
        if phase.trusted:
            problem = Problem(self.dataset.train.given, self.dataset.classes)
            return Plain().build(losses.scheduled(losses.get("cross_entropy")), problem)
        return self.strategy

    def _take_filters(self, run: Run, checkpoint: dict[str, np.ndarray], done: int) -> None:
        """Gives the networks the filters that they have in a checkpoint."""
        phase = next(phase for phase in self.phases if done <= phase.end)
        # Before the first step networks stay as they began: pre-training keeps no weights of their last layers.
        if phase.shrunk:
            whole = [self._peer() for _ in self.plain]
            self._become(self.shrinking.restored(run, checkpoint, phase.shrunk, whole))

    def _become(self, networks: list[Any]) -> None:
        self.network, self.plain = networks[0], networks
        # A branch begins anew, since the features it was for are others.
        self.branch = self.strategy.branch(self.network)

    def _enter(self, run: Run, phase: plan.Phase) -> None:
        """Makes networks, trained variables and optimizers those of the phase.

        They stay the same objects from phase to phase as long as the form does.
        """
        before, self.entered = self.entered, phase
        if before is not None:
            if before.form == phase.form:
                return
            for form in self.forms:
                forms.set_batch_norm_frozen(form.network, False)
            # An averaged network is as sparse as its masks agree, and nothing is promised of it.
            for member in self.members:
                if member.trunk is None:
                    forms.check(self.recipe, member.form, before)
        if before is not None and before.rotation:
            self._share_features()
        if phase.shrunk > self.shrinking.steps:
            self._shrink(run)
            before = None
        strategy = self._strategy(phase)
        branch = self.branch if strategy is self.strategy else None
        count = strategy.networks + bool(strategy.average) - bool(branch)
        steps, plain = self._steps(phase), self.plain[:count]
        if phase.rotation:
            self.forms = [Form(rotnet.head(self.network))]
        elif before is None and phase.form == self.phases[-1].form and len(plain) == 1 and not phase.shrunk:
            self.forms = [self.preflight]
        else:
            # A network that the phase before didn't train starts with what it has.
            olds = [*self._lasting(), *[None] * len(plain)] if before is not None else [None] * len(plain)
            self.forms = [
                forms.build(self.recipe, phase, network, old, steps)
                for network, old in zip(plain, olds, strict=False)
            ]
        if branch:
            # It isn't compressed, since it is never exported.
            self.forms.insert(strategy.networks - 1, Form(branch.network))
        shape = None if phase.rotation or phase.trusted else strategy.learning_rate()
        self.members = members_of(self.recipe, self.forms[: strategy.networks], phase, steps, shape, branch)

    def _lasting(self) -> list[Form]:
        """Returns the forms of `self.plain`: of all networks but the branch."""
        members = [member.form for member in self.members if member.trunk is None]
        return [*members, *self.forms[len(self.members) :]]

    def _shrink(self, run: Run) -> None:
        """Removes the filters of the next pruning step from the networks as they were trained so far."""
        for form, network in zip(self._lasting(), self.plain, strict=False):
            forms.take_over(form, network)
        networks, said = self.shrinking.step(run, self.plain)
        self._become(networks)
        self.report(said)

    def _share_features(self) -> None:
        """Gives the other networks what the first one was pre-trained to see."""
        for network in self.plain[1:]:
            for layer, trained in zip(network.layers[:-1], self.network.layers[:-1], strict=True):
                layer.set_weights(trained.get_weights())
