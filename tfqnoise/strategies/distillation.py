"""Distillation from a finished run that learnt the same noisy labels."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, cast

import numpy as np

from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import TEACHER, Outcome, Problem, State, register
from tfqnoise.strategies.relabelling import estimated, posterior, wrong_share


class _State(State):
    """The transition matrix of the labels, [C, C], as the teacher sees it."""

    def __init__(self, settings: "Distillation", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base, self._problem = settings, base, problem
        self._teacher = cast(Callable[[Any], Any], problem.teacher)
        self.matrix = tf.Variable(tf.eye(problem.classes), trainable=False, name="transition_matrix")
        self.rate = tf.Variable(0.0, trainable=False, name="noise_rate")

    def begin_epoch(self, epoch: int, predict: Callable[[int], np.ndarray]) -> None:
        if epoch != self._problem.first or not self._settings.labels:
            return
        given, classes = self._problem.given, self._problem.classes
        answers = tf.nn.softmax(predict(TEACHER).astype(np.float32))
        self.matrix.assign(estimated(answers.numpy(), given))
        targets = posterior(answers, tf.one_hot(given, classes), self.matrix, self._settings.temperature)
        self.rate.assign(wrong_share(targets.numpy(), given))

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        logits = networks[0](batch["image"])
        answer, temperature = tf.cast(self._teacher(batch["image"]), tf.float32), self._settings.temperature
        if self._settings.labels:
            targets = posterior(tf.nn.softmax(answer), labels, self.matrix, temperature)
        else:
            targets = tf.nn.softmax(answer / temperature)
        loss = self._base(tf.stop_gradient(targets), logits, batch["passed"])
        return Outcome([tf.reduce_mean(loss)], logits)

    def findings(self) -> dict[str, float]:
        return {"estimated_noise_rate": float(self.rate)} if self._settings.labels else {}


@register(
    reference="Hinton et al., 2015 (arXiv 1503.02531); teacher and student see the same picture as in Beyer et al., "
    "CVPR 2022 (arXiv 2106.05237)"
)
@dataclasses.dataclass(frozen=True)
class Distillation:
    """Learns from the network of --teacher, which may be larger: L = loss(q, logits).

    q joins the answer p of the teacher to the very picture that the student sees with the given label, through a
    transition matrix estimated before training (`tfqnoise.strategies.relabelling`); without `labels` it is p,
    sharpened.

    Args:
        labels: whether the given label counts beside the teacher.
        temperature: of the teacher's softmax. One that learnt wrong labels spreads its answers over them, so they are
            sharpened (below 1); for one that learnt right labels 1 or more is usual.
    """

    labels: bool = True
    temperature: float = 0.5

    taught: ClassVar[bool] = True

    @property
    def corrects(self) -> bool:
        return self.labels

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise UsageError(f"distillation with temperature = {self.temperature}", "more than 0", "use 0.5")

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
