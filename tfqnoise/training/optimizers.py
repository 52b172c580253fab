"""Optimizers and their schedule, all Keras's own."""

from collections.abc import Callable
from typing import Any

from tfqnoise.backend import keras, tf
from tfqnoise.compression.plan import Phase
from tfqnoise.recipe import Recipe


class _From(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that begins in its middle, for an optimizer that does."""

    def __init__(self, schedule: Any, start: int) -> None:
        self._schedule, self._start = schedule, start

    def __call__(self, step: Any) -> Any:
        return self._schedule(step + self._start)


class _Shaped(keras.optimizers.schedules.LearningRateSchedule):
    """A peak rate times a function of the share of the steps that are over."""

    def __init__(self, peak: float, steps: int, shape: Callable[[Any], Any]) -> None:
        self._peak, self._steps, self._shape = peak, steps, shape

    def __call__(self, step: Any) -> Any:
        return self._peak * self._shape(tf.cast(step, tf.float32) / self._steps)


def build(
    recipe: Recipe, steps_per_epoch: int, variables: list[Any], phase: Phase | None = None, shape: Any = None
) -> Any:
    """Returns the recipe's optimizer for the given variables, its state built.

    The learning rate climbs linearly over the warm-up and then falls to zero along half a cosine. A stage with a
    rate of its own has a half cosine of its own instead.

    Args:
        recipe: optimizer, learning rate, decay, clipping and averaging.
        steps_per_epoch: batches an epoch.
        variables: what is trained; only kernels and PACT's clipping levels decay.
        phase: the phase whose stage the optimizer begins with, at this point of the schedule. Its own count of
            steps begins at 0, by which Adam corrects moments that begin at 0 too.
        shape: a strategy's own schedule in the place of warm-up and cosine: a function from the share of the run
            that is over to a multiple of --learning-rate.
    """
    common: dict[str, Any] = {
        "learning_rate": _schedule(recipe, steps_per_epoch, phase, shape),
        "global_clipnorm": recipe.clip_norm,
        "weight_decay": recipe.weight_decay or None,
    }
    if recipe.weight_average:
        common.update(use_ema=True, ema_momentum=recipe.weight_average)
    if recipe.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(momentum=0.9, nesterov=True, **common)
    elif recipe.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(**common)
    else:
        optimizer = keras.optimizers.Adam(**{**common, "weight_decay": None})
    optimizer.exclude_from_weight_decay([v for v in variables if not _decays(v)])
    optimizer.build(variables)
    # At the end of `fit` Keras would put the averages in the place of the weights. A run has several fits, and
    # evaluation takes the averages without losing the weights (`tfqnoise.training.engine.evaluated`).
    optimizer.finalize_variable_values = lambda variables: None
    return optimizer


def _schedule(recipe: Recipe, steps_per_epoch: int, phase: Phase | None, shape: Any) -> Any:
    start, end = phase.stage if phase else (0, recipe.epochs)
    if phase and phase.learning_rate:
        return keras.optimizers.schedules.CosineDecay(phase.learning_rate, (end - start) * steps_per_epoch)
    first, last = phase.span if phase else (0, recipe.epochs)
    steps = (last - first) * steps_per_epoch
    if shape is not None:
        return _From(_Shaped(recipe.learning_rate, steps, shape), (start - first) * steps_per_epoch)
    warmup = round(min(recipe.warmup_epochs, (last - first) / 2) * steps_per_epoch)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else recipe.learning_rate,
        decay_steps=steps - warmup,
        warmup_target=recipe.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    return _From(schedule, (start - first) * steps_per_epoch)


def _decays(variable: Any) -> bool:
    name = variable.name.split("/")[-1].split(":")[0]
    # PACT's alpha decays by its definition.
    return name in ("kernel", "depthwise_kernel") or name.endswith("_alpha")
