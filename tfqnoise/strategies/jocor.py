"""JoCoR: two networks that must agree."""

import dataclasses
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.selection import LossTable, mean_of, smallest
from tfqnoise.strategies.small_loss import check


class _State(State):
    networks = 2

    def __init__(self, settings: "Jocor", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base = settings, base
        self.table = LossTable(problem.examples, settings.rate, problem.seed, problem.devices)

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        logits = [network(batch["image"]) for network in networks]
        own = tf.add_n([self._base(labels, each, batch["passed"]) for each in logits])
        first, second = (tf.nn.log_softmax(tf.cast(each, tf.float32)) for each in logits)
        # KL(p || q) + KL(q || p) = sum_k (p_k - q_k) (log p_k - log q_k)
        apart = tf.reduce_sum((tf.exp(first) - tf.exp(second)) * (first - second), axis=-1)
        weight = self._settings.weight
        losses = (1 - weight) * own + weight * apart
        self.table.note(batch["row"], losses)
        count = self.table.kept(tf.shape(losses)[0], batch["passed"], self._settings.ramp)
        joint = mean_of(losses, smallest(losses, count))
        # The two share one loss, which is counted once.
        return Outcome([joint, tf.zeros([])], logits[0])

    def begin_epoch(self, epoch: int, predict: Any) -> None:
        self.table.begin_epoch()

    def findings(self) -> dict[str, float]:
        return {"estimated_noise_rate": float(self.table.estimate)}


@register(reference="Wei et al., CVPR 2020 (arXiv 2003.02752), equations 1 to 5")
@dataclasses.dataclass(frozen=True)
class Jocor:
    """Two networks that learn what both find easy: L = (1 - w) (L1 + L2) + w (KL(p1 || p2) + KL(p2 || p1)).

    Of each batch the (1 - r) with the smallest L count, r climbing from 0 to the noise rate. The first network is the
    one evaluated and exported.

    Args:
        rate: share of wrong labels; null to estimate it each epoch from a mixture of two Gaussians over L.
        ramp: share of the training in which r climbs.
        weight: w, of the agreement; the paper's lambda.
    """

    rate: float | None = None
    ramp: float = 0.3
    weight: float = 0.9

    def __post_init__(self) -> None:
        check(self, "jocor")
        if not 0 <= self.weight < 1:
            raise UsageError(f"jocor with weight = {self.weight}", "a weight in [0, 1)", "use the paper's 0.9")

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
