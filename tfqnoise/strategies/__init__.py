"""Strategies: what needs memory per example, two networks or phases. One file per strategy.

A strategy is a frozen dataclass of settings with `build(loss, problem)`, which returns its state for one run, a
`State`. All `tf.Variable`s of the state are saved with the checkpoint. A table (`table.Table`) has one row per
training example; `batch["row"]` is the example's row, which depends on its id only. What a strategy assigns in a
step is a table, or a sum over the replicas' shares of the batch.

A batch (see `tfqnoise.data.pipeline`) has `image`, `views` (as many further augmentations as the state asks for),
`strong` (as many by the state's own policy), `label`, `row`, `number` and `epoch` (int64 [], counted from the run's
first) and `passed` (float32 [], the share of the training steps that is over).

The class attribute `corrects = True` says that a strategy works out what labels probably are, so that a loss that
expects wrong ones would correct them twice. `single_device = True` says that it can't be trained on several replicas.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.registry import Registry

registry = Registry("strategy", __name__)
register, get = registry.register, registry.get


# The number of the teacher's network for `predict` in `State.begin_epoch`.
TEACHER = -1


@dataclasses.dataclass(frozen=True)
class Problem:
    """What a strategy is built for.

    Attributes:
        given: int64 [N], the labels trained on (or [N, L] of 1, 0 and -1).
        classes: C, or L.
        epochs: of training; pre-training and epochs on trusted labels don't count.
        first: the first of them, counted from 0.
        seed: of the run.
        teacher: for a batch of uint8 pictures, float32 logits [B, C] of the teacher's network; None without one.
        devices: of the replicas that tables are sharded over (`tfqnoise.strategies.table`); none for one.
    """

    given: np.ndarray
    classes: int
    epochs: int = 1
    first: int = 0
    seed: int = 0
    teacher: Callable[[Any], Any] | None = None
    devices: tuple[str, ...] = ()

    @property
    def examples(self) -> int:
        return len(self.given)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a strategy makes of a batch.

    Attributes:
        losses: a scalar for each trained network, to be minimised.
        logits: [B, C] of the first network for the pictures of the batch as they are; None if it saw others.
    """

    losses: list[Any]
    logits: Any = None


@dataclasses.dataclass(frozen=True)
class Branch:
    """A part that hangs on the first network while it trains, and is discarded then.

    Attributes:
        network: maps features, float32 [B, h, w, channels], to logits [B, C].
        layer: of the plain network, which gives these features.
    """

    network: Any
    layer: str


class State(tf.Module):
    """A strategy's state for one run. The simplest only overrides `loss`.

    Attributes:
        networks: how many are trained; the first is evaluated and exported. A branch is the last of them.
        views: augmentations of each picture that a batch holds.
        strong: the policy of the batch's `strong` pictures, as --augmentation takes it; None for none.
        strong_views: how many of these of each picture.
        answers: whether `outcome` gives the logits of the pictures as they are.
        average: momentum of a further network whose weights are averages of the first's; 0 for none. It comes last in
            `networks` of `outcome`.
    """

    networks: ClassVar[int] = 1
    views: ClassVar[int] = 1
    strong: Any = None
    strong_views: int = 0
    answers: ClassVar[bool] = True
    average: float = 0.0

    def pictures(self) -> dict[str, Any]:
        """Returns what a batch has to hold, as arguments of the pipeline."""
        return {"views": self.views, "strong": self.strong, "strong_views": self.strong_views}

    def outcome(self, batch: dict[str, Any], labels: Any, networks: list[Callable[[Any], Any]]) -> Outcome:
        """Returns the loss of each network, once per training step, in the graph.

        Args:
            batch: see the package.
            labels: float32 [B, C], one-hot (or [B, L] with -1 for unknown).
            networks: each maps uint8, or float32 pictures of [0, 255], to logits [B, C]; with `training=False` as it
                is evaluated, which moves no statistics; with `trace=False` as in training, but moving none. A branch
                never moves those of the network it hangs on.
        """
        logits = networks[0](batch["image"])
        return Outcome([tf.reduce_mean(self.loss(batch, labels, logits))], logits)

    def loss(self, batch: dict[str, Any], labels: Any, logits: Any) -> Any:
        """Returns float32 [B], the loss of each picture."""
        raise NotImplementedError

    def branch(self, network: Any) -> Branch | None:
        """Returns a branch for a plain network, the same for the same network; None for none."""
        return None

    def begin_epoch(self, epoch: int, predict: Callable[[int], np.ndarray]) -> None:
        """Is called before each epoch, outside the graph, and after a resume once more.

        Args:
            epoch: counted from 0.
            predict: the logits [N, C] of a network, by its number (or `TEACHER`), for all training pictures without
                augmentation.
        """

    def learning_rate(self) -> Callable[[Any], Any] | None:
        """Returns its own schedule, from the share of the steps that is over to a multiple of --learning-rate."""
        return None

    def findings(self) -> dict[str, float]:
        """Returns what it found out, for the epoch's record, such as an estimated noise rate."""
        return {}

    def label_table(self) -> np.ndarray | None:
        """Returns what it believes of the labels of the training examples, [N, C] summing to 1; None if nothing."""
        return None
