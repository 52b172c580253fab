"""Mixup."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.mixing import mixed, share


class _State(State):
    answers = False

    def __init__(self, settings: "Mixup", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._seed = settings, base, problem.seed

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        weight = share(batch, self._settings.alpha, self._seed)
        logits = networks[0](mixed(batch["image"], weight))
        return Outcome([tf.reduce_mean(self._base(mixed(labels, weight), logits, batch["passed"]))])


@register(reference="Zhang et al., ICLR 2018 (arXiv 1710.09412), equation 1")
@dataclasses.dataclass(frozen=True)
class Mixup:
    """Learns mixtures of two pictures and of their labels: x = w x_i + (1 - w) x_j, w ~ Beta(alpha, alpha) a batch.

    Args:
        alpha: the larger, the nearer w is to a half; the paper has 1, with wrong labels 8 (20 %) and 32 (50 %).
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise UsageError(f"mixup with alpha = {self.alpha}", "more than 0", "use 1, or 8 with wrong labels")

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
