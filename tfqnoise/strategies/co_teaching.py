"""Co-teaching: two networks choose for each other what to learn."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.selection import LossTable, mean_of, smallest
from tfqnoise.strategies.small_loss import check


class _State(State):
    networks = 2

    def __init__(self, settings: "CoTeaching", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base = settings, base
        self.table = LossTable(problem.examples, settings.rate, problem.seed, problem.devices)

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        logits = [network(batch["image"]) for network in networks]
        losses = [self._base(labels, each, batch["passed"]) for each in logits]
        self.table.note(batch["row"], (losses[0] + losses[1]) / 2)
        count = self.table.kept(tf.shape(losses[0])[0], batch["passed"], self._settings.ramp)
        chosen = [smallest(each, count) for each in losses]
        return Outcome([mean_of(losses[0], chosen[1]), mean_of(losses[1], chosen[0])], logits[0])

    def begin_epoch(self, epoch: int, predict: Any) -> None:
        self.table.begin_epoch()

    def findings(self) -> dict[str, float]:
        return {"estimated_noise_rate": float(self.table.estimate)}


@register(reference="Han et al., NeurIPS 2018 (arXiv 1804.06872), algorithm 1")
@dataclasses.dataclass(frozen=True)
class CoTeaching:
    """Two networks; each learns the (1 - r) of a batch that have the smallest losses under the other.

    r climbs from 0 to the noise rate. The first network is the one evaluated and exported.

    Args:
        rate: share of wrong labels; null to estimate it each epoch from a mixture of two Gaussians over the losses.
        ramp: share of the training in which r climbs; the paper's 10 of 200 epochs are for long trainings.
    """

    rate: float | None = None
    ramp: float = 0.3

    def __post_init__(self) -> None:
        check(self, "co_teaching")

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
