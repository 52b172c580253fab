"""ELR+: early-learning regularisation with averaged weights and mixup."""

import dataclasses
from typing import Any

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.elr import believed, regularisation
from tfqnoise.strategies.mixing import mixed, share
from tfqnoise.strategies.table import Table


class _State(State):
    """The running target t of every training example, [examples, classes], zero until first seen."""

    answers = False

    def __init__(self, settings: "ElrPlus", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._seed, self.average = settings, base, problem.seed, settings.average
        zeros = tf.zeros([problem.examples, problem.classes])
        self.targets = Table(zeros, "elr_targets", problem.devices)

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        s, rows = self._settings, batch["row"]
        seen = tf.stop_gradient(tf.nn.softmax(tf.cast(networks[1](batch["image"]), tf.float32)))
        target = s.beta * self.targets.gather(rows) + (1 - s.beta) * seen
        self.targets.update(rows, target)
        weight = share(batch, s.alpha, self._seed)
        weight = tf.maximum(weight, 1 - weight)
        logits = networks[0](mixed(batch["image"], weight))
        loss = self._base(mixed(labels, weight), logits, batch["passed"])
        loss += s.weight * regularisation(mixed(target, weight), logits)
        return Outcome([tf.reduce_mean(loss)])

    def label_table(self) -> np.ndarray:
        return believed(self.targets.value())


@register(reference="Liu et al., NeurIPS 2020 (arXiv 2007.00151), section 4.3")
@dataclasses.dataclass(frozen=True)
class ElrPlus:
    """ELR on mixtures of two pictures, whose targets come from a network of averaged weights.

        L = loss(y', z') + w log(1 - <p', t'>),   t <- b t + (1 - b) p_average

    with y', z', p' and t' of the mixture, of which at least half is the picture itself. The paper has this twice,
    each network taking its targets from the other's average; here one network takes them from its own.

    Args:
        weight: w, the paper's lambda (3 for CIFAR-10).
        beta: b, the momentum of the targets.
        alpha: of mixup.
        average: momentum of the averaged weights, a step.
    """

    weight: float = 3.0
    beta: float = 0.7
    alpha: float = 1.0
    average: float = 0.997

    def __post_init__(self) -> None:
        if not (self.weight >= 0 and 0 <= self.beta < 1 and self.alpha > 0 and 0 < self.average < 1):
            raise UsageError(
                f"elr_plus with weight = {self.weight}, beta = {self.beta}, alpha = {self.alpha}, "
                f"average = {self.average}",
                "weight of at least 0, beta in [0, 1), alpha above 0, average between 0 and 1",
                "leave them out for the paper's values",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
