"""What a recipe's methods ask of its data and of one another, looked at before training."""

from typing import Any

from tfqnoise import losses
from tfqnoise.compression.plan import Phase
from tfqnoise.data.dataset import Dataset
from tfqnoise.errors import UsageError
from tfqnoise.limits import OF_PRUNING
from tfqnoise.recipe import Recipe


def check(recipe: Recipe, dataset: Dataset, phases: list[Phase], loss: Any, strategy: Any) -> None:
    """Refuses a loss or strategy that is for another kind of labels, what a strategy lacks, and what can't be shared.

    Args:
        recipe: of the run.
        dataset: its data.
        phases: its plan.
        loss: that it names.
        strategy: that it names.

    Raises:
        UsageError: if they don't go together.
    """
    task = dataset.source.task
    for family, spec, tasks in (
        ("loss", recipe.loss, (losses.task(loss),)),
        ("strategy", recipe.strategy, getattr(strategy, "tasks", ("single",))),
    ):
        if task not in tasks:
            words = {"single": "one label a picture", "multi": "several labels a picture"}
            raise UsageError(
                f"--{family} {spec} with {recipe.dataset}, which has {words[task]}",
                f"a {family} for {words[task]}",
                "choose for example --loss binary_gce; --strategy plain"
                if task == "multi"
                else f"see tfqnoise list {'losses' if family == 'loss' else 'strategies'}",
            )
    if getattr(strategy, "corrects", False) and getattr(loss, "corrects", False):
        raise UsageError(
            f"--loss {losses.registry.parse(recipe.loss)['name']} with --strategy {recipe.strategy}",
            "one correction: a strategy that works out what labels are, or a loss that expects wrong ones",
            "leave the --loss or the --strategy out",
        )
    taught = bool(getattr(strategy, "taught", False))
    if taught != bool(recipe.teacher):
        raise UsageError(
            f"--strategy {recipe.strategy} {'without' if taught else 'with'} --teacher",
            "both or none: --strategy distillation or difficulty, and --teacher RUN",
            "name a finished run that teaches, or leave both out",
        )
    idle = [name for name in OF_PRUNING if getattr(recipe, name) != getattr(Recipe, name)]
    if idle and not recipe.shrinks:
        raise UsageError(
            f"--{idle[0].replace('_', '-')} {getattr(recipe, idle[0])} without --pruning-ratio",
            "a share of the filters to remove, which it is about",
            "give --pruning-ratio, --pruning-ratios or a budget such as --max-macs, or leave it out",
        )
    height, width, _ = dataset.input_shape
    if any(phase.rotation for phase in phases) and height != width:
        raise UsageError(
            f"pre-training on rotations with pictures of {height} x {width}",
            "square pictures, which stay as they are when turned",
            f"give --image-size {min(height, width)}",
        )
    _check_replicas(recipe, dataset, phases, strategy)


def _check_replicas(recipe: Recipe, dataset: Dataset, phases: list[Phase], strategy: Any) -> None:
    """Refuses what several replicas can't share."""
    if recipe.replicas == 1:
        return
    if getattr(strategy, "single_device", False):
        raise UsageError(
            f"--strategy {recipe.strategy} with --replicas {recipe.replicas}",
            "a strategy that several devices can share",
            "leave --replicas out, or choose for example --strategy co_teaching",
        )
    fed = {"training pictures": len(dataset.train)}
    if dataset.trusted is not None and any(phase.trusted for phase in phases):
        fed["trusted labels"] = len(dataset.trusted.rows)
    for name, number in fed.items():
        batch = min(recipe.batch_size, number)
        if batch < 2 * recipe.replicas:
            raise UsageError(
                f"a batch of {batch} of {number} {name} for {recipe.replicas} replicas",
                "at least two pictures for each, of which a strategy may choose or mix some",
                "give fewer --replicas" + (", or a larger --batch-size" if batch < number else ""),
            )


def check_learned(recipe: Recipe, schedule: Any, accuracy: bool) -> None:
    """Refuses a magnitude that follows the training accuracy where training has none.

    Args:
        recipe: of the run.
        schedule: of its magnitude.
        accuracy: whether there is a training accuracy.

    Raises:
        UsageError: if there is none, and the schedule follows it.
    """
    if hasattr(schedule, "after") and not accuracy:
        raise UsageError(
            f"--magnitude-schedule {recipe.magnitude_schedule} with --strategy {recipe.strategy} on {recipe.dataset}",
            "a training accuracy: one label a picture, and a strategy that doesn't mix pictures",
            "use --magnitude-schedule falling or constant",
        )
