"""The Keras model that trains a plain functional network.

It holds the network and never changes it, so TF-MOT and the exporter see an ordinary graph.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfqnoise import losses, strategies
from tfqnoise.backend import keras, tf
from tfqnoise.compression import forms
from tfqnoise.compression.clustering import schedules
from tfqnoise.compression.forms import Form
from tfqnoise.compression.plan import Phase, phases
from tfqnoise.compression.quantization.settle import settle
from tfqnoise.networks.predict import scale
from tfqnoise.recipe import Recipe
from tfqnoise.training import kernels, optimizers


class Trainer(keras.Model):
    """Trains a network on batches of `tfqnoise.data.pipeline`.

    Args:
        network: maps pictures in [0, 1] to logits.
        strategy: the built state of a strategy; it gives the loss of each picture.
        variables: what is trained. Frozen batch norms keep their scale and offset in it.
        penalties: functions of the share of the stage that is over, float32 [], added to the loss. They belong to
            the training step, not to layers: TF-MOT's wrappers lose what a layer adds.
        masks: pairs of a weight and where it may differ from zero.
        steps: of the stage, for that share.
    """

    def __init__(
        self,
        network: Any,
        strategy: Any,
        variables: list[Any],
        penalties: Sequence[Callable[[Any], Any]] = (),
        masks: Sequence[tuple[Any, Any]] = (),
        steps: int = 1,
    ) -> None:
        super().__init__()
        kernels.trusted(network)
        self.network = network
        self._strategy = strategy
        self._trained = variables
        self._penalties, self._masks, self._steps = penalties, masks, steps
        self._loss = keras.metrics.Mean("loss")
        self._accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")

    def call(self, inputs: Any, training: Any = None) -> Any:
        return self.network(inputs, training=training)

    @property
    def metrics(self) -> list[Any]:
        return [self._loss, self._accuracy]

    def train_step(self, data: dict[str, Any]) -> dict[str, Any]:
        passed = tf.minimum(tf.cast(self.optimizer.iterations, tf.float32) / self._steps, 1.0)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._trained)
            logits = self.network(scale(data["image"]), training=True)
            labels = tf.one_hot(data["label"], logits.shape[-1])
            loss = tf.reduce_mean(self._strategy.loss(data, labels, logits))
            total = tf.add_n([loss, *(penalty(passed) for penalty in self._penalties)])
        gradients = tape.gradient(total, self._trained)
        self.optimizer.apply_gradients(zip(gradients, self._trained, strict=True))
        for weight, mask in self._masks:
            weight.assign(weight * mask)
        self._loss.update_state(loss)
        self._accuracy.update_state(data["label"], logits)
        return {metric.name: metric.result() for metric in self.metrics}


def trainer_of(
    recipe: Recipe, form: Form, phase: Phase, strategy: Any, variables: list[Any], steps_per_epoch: int
) -> Trainer:
    """Returns the trainer of a phase, not compiled: with penalties while it clusters, with masks after pruning."""
    kernels = form.kernels()

    schedule = schedules.get(recipe.penalty_schedule)
    weights = forms.penalty_weights(recipe, form)

    def penalty(name: str) -> Callable[[Any], Any]:
        return lambda passed: form.codebooks[name](kernels[name], weights[name] * schedule(passed))

    penalties = [penalty(name) for name in form.codebooks] if phase.clustering else []
    masks = [(kernels[name], mask) for name, mask in form.masks.items()]
    steps = (phase.stage[1] - phase.stage[0]) * steps_per_epoch
    return Trainer(form.network, strategy, variables, penalties, masks, steps)


def compiled(recipe: Recipe, network: Any, examples: int, steps_per_epoch: int) -> Trainer:
    """Returns the trainer of a recipe's first phase with its loss, strategy and optimizer, ready for its first step.

    Args:
        recipe: what is trained.
        network: the plain network to start from.
        examples: training pictures.
        steps_per_epoch: batches an epoch.
    """
    phase = phases(recipe)[0]
    form = forms.build(recipe, phase, network, None, steps_per_epoch)
    variables = form.trained()
    classes = int(network.output_shape[-1])
    strategy = strategies.get(recipe.strategy).build(losses.get(recipe.loss), examples, classes)
    trainer = trainer_of(recipe, form, phase, strategy, variables, steps_per_epoch)
    trainer.compile(optimizer=optimizers.build(recipe, steps_per_epoch, variables, phase))
    return trainer


def set_batch_norm_frozen(network: Any, frozen: bool) -> None:
    """Makes every batch norm use its stored statistics and keep them, or measure them again."""
    for layer in network.layers:
        inner = getattr(layer, "layer", layer)
        if isinstance(inner, keras.layers.BatchNormalization):
            inner.trainable = not frozen


@contextlib.contextmanager
def evaluated(trainer: Trainer) -> Iterator[Any]:
    """Hands out the network as it is evaluated and exported, and takes it back to training afterwards.

    It is settled (`tfqnoise.compression.quantization.settle`); with --weight-average its weights are the
    averaged ones.
    """
    kept = [variable.numpy() for variable in trainer._trained]
    averages = getattr(trainer.optimizer, "_model_variables_moving_average", [])
    for variable, average in zip(trainer._trained, averages, strict=False):
        # An average of a range begins at a value from before the first batch, and long remembers it.
        if not variable.name.split("/")[-1].startswith(("output_", "post_activation_", "pre_activation_")):
            variable.assign(average)
    try:
        settle(trainer.network)
        yield trainer.network
    finally:
        for variable, value in zip(trainer._trained, kept, strict=True):
            variable.assign(value)
