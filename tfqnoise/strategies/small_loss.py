"""Small-loss selection: what is hard to believe isn't learnt."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.selection import LossTable, mean_of, smallest


class _State(State):
    def __init__(self, settings: "SmallLoss", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base = settings, base
        self.table = LossTable(problem.examples, settings.rate, problem.seed, problem.devices)

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        logits = networks[0](batch["image"])
        losses = self._base(labels, logits, batch["passed"])
        self.table.note(batch["row"], losses)
        count = self.table.kept(tf.shape(losses)[0], batch["passed"], self._settings.ramp)
        return Outcome([mean_of(losses, smallest(losses, count))], logits)

    def begin_epoch(self, epoch: int, predict: Any) -> None:
        self.table.begin_epoch()

    def findings(self) -> dict[str, float]:
        return {"estimated_noise_rate": float(self.table.estimate)}


@register(reference="the selection of Han et al., NeurIPS 2018 (arXiv 1804.06872), with one network")
@dataclasses.dataclass(frozen=True)
class SmallLoss:
    """Learns the (1 - r) of each batch that has the smallest losses, r climbing from 0 to the noise rate.

    Args:
        rate: share of wrong labels; null to estimate it each epoch from a mixture of two Gaussians over the losses.
        ramp: share of the training in which r climbs.
    """

    rate: float | None = None
    ramp: float = 0.3

    def __post_init__(self) -> None:
        check(self, "small_loss")

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)


def check(settings: Any, name: str) -> None:
    """Refuses a rate or ramp that a selection by small losses can't have."""
    if not ((settings.rate is None or 0 <= settings.rate < 1) and 0 < settings.ramp <= 1):
        raise UsageError(
            f"{name} with rate = {settings.rate}, ramp = {settings.ramp}",
            "rate in [0, 1) or null, ramp in (0, 1]",
            "leave rate out to have it estimated",
        )
