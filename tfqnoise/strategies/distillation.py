"""Distillation from a finished run that learnt the same noisy labels."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, cast

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.relabelling import Posterior


class _State(State):
    def __init__(self, settings: "Distillation", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._teacher = settings, base, cast(Callable[[Any], Any], problem.teacher)
        self.posterior = Posterior(problem.classes, settings.temperature)

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        logits = networks[0](batch["image"])
        answer = tf.cast(self._teacher(batch["image"]), tf.float32)
        targets = tf.nn.softmax(answer / self._settings.temperature)
        if self._settings.labels:
            predictions = tf.nn.softmax(answer)
            targets = self.posterior(predictions, labels)
            self.posterior.update(predictions, targets, labels)
        loss = self._base(tf.stop_gradient(targets), logits, batch["passed"])
        return Outcome([tf.reduce_mean(loss)], logits)

    def findings(self) -> dict[str, float]:
        return {"estimated_noise_rate": self.posterior.rate()} if self._settings.labels else {}


@register(
    reference="Hinton et al., 2015 (arXiv 1503.02531); teacher and student see the same picture as in Beyer et "
    "al., CVPR 2022 (arXiv 2106.05237)"
)
@dataclasses.dataclass(frozen=True)
class Distillation:
    """Learns from the network of --teacher, which may be larger: L = loss(q, logits).

    q joins the teacher's answer p to the very picture that the student sees with the given label, see
    `tfqnoise.strategies.relabelling.Posterior`; without `labels` it is p, sharpened.

    Args:
        labels: whether the given label counts beside the teacher.
        temperature: of the teacher's softmax. One that learnt wrong labels spreads its answers over them, so they are
            sharpened (below 1); for one that learnt right labels 1 or more is usual.
    """

    labels: bool = True
    temperature: float = 0.5

    taught: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise UsageError(f"distillation with temperature = {self.temperature}", "more than 0", "use 0.5")

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
