"""The Keras model that trains plain functional networks.

It holds them and never changes them, so TF-MOT and the exporter see an ordinary graph.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfqnoise import losses
from tfqnoise.backend import keras, tf
from tfqnoise.compression import forms
from tfqnoise.compression.clustering import schedules
from tfqnoise.compression.forms import Form
from tfqnoise.compression.plan import Phase, phases
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.data import pipeline
from tfqnoise.data.dataset import Dataset
from tfqnoise.networks.predict import scale
from tfqnoise.recipe import Recipe
from tfqnoise.strategies import Branch, Problem, State
from tfqnoise.strategies.plain import Plain
from tfqnoise.training import kernels, optimizers
from tfqnoise.training.dynamics import Dynamics
from tfqnoise.training.replicas import put_back


@dataclasses.dataclass
class Member:
    """A network that is trained.

    Attributes:
        form: the network, see `tfqnoise.compression.forms`.
        variables: what is trained. Frozen batch norms keep their scale and offset in it.
        optimizer: of these variables.
        penalties: functions of the share of the stage that is over, float32 [], added to the loss. They belong to
            the training step, not to layers: TF-MOT's wrappers lose what a layer adds.
        masks: pairs of a weight and where it may differ from zero.
        trunk: of a branch, what leads from pictures to it; it belongs to the first network.
    """

    form: Form
    variables: list[Any]
    optimizer: Any
    penalties: Sequence[Callable[[Any], Any]] = ()
    masks: Sequence[tuple[Any, Any]] = ()
    trunk: Any = None


class Trainer(keras.Model):
    """Trains networks on batches of `tfqnoise.data.pipeline`.

    Args:
        members: the networks; the first is the one evaluated and exported.
        strategy: the state of a strategy; it gives each network's loss.
        steps: of the stage, for the penalties.
        average: a network whose weights follow the first's as the strategy's average of them; None without one.
        dynamics: takes note of how each training example fares; None to leave it.
        accuracy: whether there is one to show; not of mixtures, turned pictures or several labels.
    """

    def __init__(
        self,
        members: Sequence[Member],
        strategy: State,
        steps: int = 1,
        average: Form | None = None,
        dynamics: Dynamics | None = None,
        accuracy: bool = True,
    ) -> None:
        super().__init__()
        for member in members:
            kernels.trusted(member.form.network)
        self.network = members[0].form.network
        # Keras looks through attributes for layers, and would take the variables of others for its own.
        self._others = [member.form.network for member in members[1:]]
        self._average = average.network if average else None
        self._members, self._strategy, self._steps, self._dynamics = list(members), strategy, steps, dynamics
        self._trained = members[0].variables
        self._shown = accuracy
        self._loss = keras.metrics.Mean("loss")
        self._accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
        self.compile(optimizer=members[0].optimizer)

    def call(self, inputs: Any, training: Any = None) -> Any:
        return self.network(inputs, training=training)

    @property
    def metrics(self) -> list[Any]:
        return [self._loss, self._accuracy] if self._shown else [self._loss]

    def train_step(self, data: dict[str, Any]) -> dict[str, Any]:
        passed = tf.minimum(tf.cast(self.optimizer.iterations, tf.float32) / self._steps, 1.0)
        everything = [variable for member in self._members for variable in member.variables]
        label = data["label"]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(everything)
            one = label.shape.rank == 1
            labels = tf.one_hot(label, self.network.output_shape[-1]) if one else tf.cast(label, tf.float32)
            outcome = self._strategy.outcome(data, labels, self._networks())
            penalties = [penalty(passed) for member in self._members for penalty in member.penalties]
            # Of the losses a network's own alone depends on its variables, so the sum has the gradients of each; that
            # of a branch depends on the first's too, which is what a branch is for.
            total = tf.add_n([*outcome.losses, *penalties])
            if self.distribute_strategy.num_replicas_in_sync > 1:
                # Optimizers add the gradients of all replicas up, which makes them the batch's this way, and lets
                # penalties count once.
                total /= self.distribute_strategy.num_replicas_in_sync
        gradients = iter(tape.gradient(total, everything))
        for member in self._members:
            pairs = [(gradient, variable) for variable, gradient in zip(member.variables, gradients, strict=False)]
            member.optimizer.apply_gradients(pairs)
            for weight, mask in member.masks:
                weight.assign(weight * mask)
        self._follow()
        self._loss.update_state(outcome.losses[0])
        if self._shown:
            self._accuracy.update_state(label, outcome.logits)
        if self._dynamics is not None and one:
            self._dynamics.update(data, outcome.logits if self._shown else None)
        return {metric.name: metric.result() for metric in self.metrics}

    def _networks(self) -> list[Callable[[Any], Any]]:
        def answer(network: Any, trunk: Any = None) -> Callable[..., Any]:
            def call(images: Any, training: bool = True, trace: bool = True) -> Any:
                inputs = scale(images)
                if trunk is not None:
                    inputs = unmoved(trunk, inputs, training)
                return network(inputs, training=training) if trace else unmoved(network, inputs, training)

            return call

        trained = [answer(member.form.network, member.trunk) for member in self._members]
        # The average too sees the statistics of the batch: those of the run lag behind in its beginning.
        return trained + ([answer(self._average)] if self._average else [])

    def _follow(self) -> None:
        """Moves the averaged network's weights a little towards the first's."""
        if self._average is None:
            return
        # At first it follows closely, or it would long remember what there was before the first step.
        steps = tf.cast(self.optimizer.iterations, tf.float32)
        share = tf.maximum(1 - self._strategy.average, 9 / (10 + steps))
        for average, weight in zip(self._average.weights, self.network.weights, strict=True):
            # Counters and flags are taken over as they are.
            moved = share if weight.dtype.is_floating else 1
            average.assign_add(tf.cast(moved, weight.dtype) * (weight - average))


def unmoved(network: Any, inputs: Any, training: bool) -> Any:
    """Returns a network's answer to pictures that leave no trace in it.

    Batch norms use the statistics of these pictures but the running ones stay as they were, and so do the ranges and
    counts of quantizers. Kernels are those of the step, and gradients reach them.
    """
    kept = [(variable, tf.identity(variable)) for variable in network.non_trainable_variables]
    answer = network(inputs, training=training)
    for variable, value in kept if training else ():
        put_back(variable, value)
    return answer


def member_of(recipe: Recipe, form: Form, phase: Phase, optimizer: Any, trunk: Any = None) -> Member:
    """Returns a member of the training of a phase: with penalties while it clusters, with masks after pruning."""
    weights_of = form.kernels()
    schedule = schedules.get(recipe.penalty_schedule)
    weights = forms.penalty_weights(recipe, form)

    def penalty(name: str) -> Callable[[Any], Any]:
        return lambda passed: form.codebooks[name](weights_of[name], weights[name] * schedule(passed))

    penalties = [penalty(name) for name in form.codebooks] if phase.clustering else []
    masks = [(weights_of[name], mask) for name, mask in form.masks.items()]
    return Member(form, form.trained(), optimizer, penalties, masks, trunk)


def members_of(
    recipe: Recipe, built: Sequence[Form], phase: Phase, steps: int, shape: Any = None, branch: Branch | None = None
) -> list[Member]:
    """Returns the members of the training of a phase.

    Args:
        recipe: says how to compress.
        built: the form of each network that is trained.
        phase: the phase.
        steps: batches an epoch.
        shape: a strategy's own schedule of the learning rate, see `tfqnoise.training.optimizers`.
        branch: of which the last form is; None without one.
    """
    trunks = [None] * (len(built) - 1) + [built[0].trunk(branch.layer) if branch else None]
    return [
        member_of(recipe, form, phase, optimizers.build(recipe, steps, form.trained(), phase, shape), trunk)
        for form, trunk in zip(built, trunks, strict=True)
    ]


def compiled(recipe: Recipe, network: Any, dataset: Dataset, strategy: State | None = None) -> Trainer:
    """Returns the trainer of a recipe's first phase, ready for its first step.

    Args:
        recipe: what is trained; its own loss and strategy don't count.
        network: the plain network to start from; others that the strategy trains are copies of it.
        dataset: the training pictures.
        strategy: the state of a strategy; plain cross-entropy if None.
    """
    phase = phases(recipe)[0]
    steps = pipeline.steps_per_epoch(recipe, dataset, phase)
    if strategy is None:
        loss = losses.get(losses.USUAL[dataset.source.task])
        strategy = Plain().build(losses.scheduled(loss), Problem(dataset.train.given, dataset.classes))
    branch = strategy.branch(network)
    count = strategy.networks + bool(strategy.average) - bool(branch)
    plain = [network, *(keras.models.clone_model(network) for _ in range(count - 1))]
    built = [forms.build(recipe, phase, each, None, steps) for each in plain]
    if branch:
        built.insert(strategy.networks - 1, Form(branch.network))
    members = members_of(recipe, built[: strategy.networks], phase, steps, None, branch)
    average = built[-1] if strategy.average else None
    shown = strategy.answers and dataset.source.task == "single"
    return Trainer(members, strategy, steps * (phase.stage[1] - phase.stage[0]), average, accuracy=shown)


@contextlib.contextmanager
def evaluated(trainer: Trainer) -> Iterator[Any]:
    """Hands out the network as it is evaluated and exported, and takes it back to training afterwards.

    It is settled (`tfqnoise.compression.quantization.settle`); with --weight-average its weights are the
    averaged ones.
    """
    # Settling moves ranges, too, which aren't trained.
    touched = [*trainer._trained, *trainer.network.non_trainable_variables]
    kept = [variable.numpy() for variable in touched]
    averages = getattr(trainer.optimizer, "_model_variables_moving_average", [])
    for variable, average in zip(trainer._trained, averages, strict=False):
        # An average of a range begins at a value from before the first batch, and long remembers it.
        if not variable.name.split("/")[-1].startswith(("output_", "post_activation_", "pre_activation_")):
            variable.assign(average)
    try:
        settle(trainer.network)
        yield trainer.network
    finally:
        for variable, value in zip(touched, kept, strict=True):
            variable.assign(value)
