"""Difficulty: a trained network says how hard a changed picture is, and the student learns what it can bear."""

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, cast

import numpy as np

from tfqnoise import augmentation
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Outcome, Problem, State, register
from tfqnoise.strategies.auxiliary import STRONG, divergence

_MEASURES, _CHOICES = ("loss", "divergence"), ("keep", "weigh")
# Pictures of each batch that the rank correlation is measured on: the student answers to them a second time.
_COMPARED = 32


class _State(State):
    """Sums over an epoch's batches, or replicas' shares of them: difficulty, share learnt from strong pictures, rank
    correlation, and their number."""

    answers = False

    def __init__(self, settings: "Difficulty", base: Any, problem: Problem) -> None:
        super().__init__()
        self._settings, self._base = settings, base
        self._teacher = cast(Callable[[Any], Any], problem.teacher)
        self.strong, self.strong_views = settings.strong, settings.candidates
        self.sums = tf.Variable(tf.zeros([4]), trainable=False, name="difficulty_sums")

    def begin_epoch(self, epoch: int, predict: Callable[[int], np.ndarray]) -> None:
        self.sums.assign(tf.zeros([4]))

    def outcome(self, batch: dict[str, Any], labels: Any, networks: Any) -> Outcome:
        s, network = self._settings, networks[0]
        pictures = [batch["image"], *batch["strong"]]
        difficulties = self._difficulties(pictures, labels)
        if s.choose == "keep":
            place = chosen(difficulties, s.threshold)
            learned = tf.gather(tf.stack(pictures, axis=1), place, batch_dims=1)
            loss = self._base(labels, network(learned), batch["passed"])
            share = tf.reduce_mean(tf.cast(place > 0, tf.float32))
        else:
            weights = tf.nn.softmax(-difficulties / s.temperature)
            logits = network(tf.concat(pictures, axis=0))
            each = self._base(tf.tile(labels, [len(pictures), 1]), logits, batch["passed"])
            each = tf.transpose(tf.reshape(each, [len(pictures), -1]))
            loss = tf.reduce_sum(weights * each, axis=1)
            share = 1 - tf.reduce_mean(weights[:, 0])
        strongest = difficulties[:, 1:]
        correlation = self._correlation(pictures[1], strongest[:, 0], labels, network)
        self.sums.assign_add(tf.stack([tf.reduce_mean(strongest), share, correlation, 1.0]))
        return Outcome([tf.reduce_mean(loss)])

    def _difficulties(self, pictures: list[Any], labels: Any) -> Any:
        """Returns the difficulty of each picture as it is and changed, float32 [B, 1 + candidates]."""
        answers = [tf.cast(self._teacher(each), tf.float32) for each in pictures]
        if self._settings.measure == "loss":
            found = [tf.nn.softmax_cross_entropy_with_logits(labels, answer) for answer in answers]
        else:
            found = [divergence(answers[0], answer) for answer in answers]
        return tf.stop_gradient(tf.stack(found, axis=1))

    def _correlation(self, pictures: Any, difficulty: Any, labels: Any, network: Any) -> Any:
        # By the statistics of these pictures: the running ones lag behind in the beginning of a run.
        answer = tf.cast(network(pictures[:_COMPARED], trace=False), tf.float32)
        loss = tf.nn.softmax_cross_entropy_with_logits(labels[:_COMPARED], answer)
        return rank_correlation(difficulty[:_COMPARED], tf.stop_gradient(loss))

    def findings(self) -> dict[str, float]:
        difficulty, share, correlation, batches = (float(value) for value in self.sums.numpy())
        if not batches:
            return {}
        return {
            "difficulty": difficulty / batches,
            "strong_share": share / batches,
            "difficulty_rank_correlation": correlation / batches,
        }


def chosen(difficulties: Any, threshold: float) -> Any:
    """Returns which picture is learnt, int64 [B]: the hardest changed one that is easier than the threshold, or 0.

    Args:
        difficulties: float32 [B, 1 + candidates], first that of the picture that stands where none is easy enough.
        threshold: in the unit of the difficulties.
    """
    strong = difficulties[:, 1:]
    easy = strong < threshold
    hardest = tf.argmax(tf.where(easy, strong, -1.0), axis=1) + 1
    return tf.where(tf.reduce_any(easy, axis=1), hardest, tf.zeros_like(hardest))


def rank_correlation(first: Any, second: Any) -> Any:
    """Returns Spearman's rank correlation of two float32 [N], equal values sharing their mean rank.

    It is 0 where all values of one are the same.
    """
    first, second = _ranks(first), _ranks(second)
    spread = tf.sqrt(tf.reduce_sum(first**2) * tf.reduce_sum(second**2))
    return tf.math.divide_no_nan(tf.reduce_sum(first * second), spread)


def _ranks(values: Any) -> Any:
    """Returns ranks whose mean is 0."""
    return tf.reduce_sum(tf.sign(values[:, None] - values[None, :]), axis=1) / 2


@register(
    reference="Yu et al., IJCNN 2023 (arXiv 2305.13232), its third finding: a large model's prediction measures the "
    "difficulty of an augmentation; measures and choices are ours",
    sample={"strong": {"name": "standard"}},
)
@dataclasses.dataclass(frozen=True)
class Difficulty:
    """Learns of several changed pictures those that the network of --teacher doesn't find too hard.

    Difficulties, in nats, are -log p_y(x') of the teacher (`loss`), or KL(p(x) || p(x')) (`divergence`), which needs
    no label, so a wrong one doesn't make all of a picture's changes hard. `keep` learns the hardest of the candidates
    x' that is easier than the threshold, or the picture x as --augmentation changes it where none is. `weigh` learns
    x and all candidates, each picture's losses weighted by exp(-difficulty / temperature), divided by their sum.

    Each epoch's record has the candidates' mean `difficulty`, the `strong_share` of what was learnt, and
    `difficulty_rank_correlation`, Spearman's between the difficulty of the first candidate and the student's
    cross-entropy for its label, of 32 pictures a batch.

    Args:
        strong: the augmentation policy of the candidates: a name, or a dict of name and settings.
        candidates: of each picture.
        measure: `loss` or `divergence`.
        choose: `keep` or `weigh`.
        threshold: of `keep`, in nats.
        temperature: of `weigh`, in nats.
    """

    strong: Any = STRONG
    candidates: int = 2
    measure: str = "loss"
    choose: str = "keep"
    threshold: float = 1.0
    temperature: float = 1.0

    taught: ClassVar[bool] = True

    def __post_init__(self) -> None:
        augmentation.get(self.strong)
        for name, value, allowed in (("measure", self.measure, _MEASURES), ("choose", self.choose, _CHOICES)):
            if value not in allowed:
                raise UsageError(
                    f"difficulty with {name} = '{value}'", " or ".join(allowed), f"leave it out for '{allowed[0]}'"
                )
        if not (self.candidates >= 1 and self.threshold > 0 and self.temperature > 0):
            raise UsageError(
                f"difficulty with candidates = {self.candidates}, threshold = {self.threshold}, "
                f"temperature = {self.temperature}",
                "at least 1 candidate, threshold and temperature above 0",
                "leave them out for 2, 1 and 1",
            )

    def build(self, loss: Any, problem: Problem) -> State:
        return _State(self, loss, problem)
