"""CutMix."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.mixing import mixed, pasted, share


class _State(State):
    answers = False

    def __init__(self, settings: "Cutmix", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._seed = settings, base, problem.seed

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        images, own = pasted(batch["image"], batch, share(batch, self._settings.alpha, self._seed), self._seed)
        logits = networks[0](images)
        return Outcome([tf.reduce_mean(self._base(mixed(labels, own), logits, batch["passed"]))])


@register(reference="Yun et al., ICCV 2019 (arXiv 1905.04899), equations 1 and 2")
@dataclasses.dataclass(frozen=True)
class Cutmix:
    """Pastes a rectangle of another picture into each; labels count by area: y = w y_i + (1 - w) y_j.

    Args:
        alpha: the share that stays is drawn from Beta(alpha, alpha) for each batch.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not self.alpha > 0:
            raise UsageError(f"cutmix with alpha = {self.alpha}", "more than 0", "use 1")

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
