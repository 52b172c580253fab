"""What an audit knows of each label, and what a method makes of it."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfqnoise.errors import UsageError

# What is known of each example, and what makes it known.
SOURCES = {
    "margin": "a run that trained on its labels (area under the margin)",
    "loss": "a run that trained on its labels (mean loss)",
    "table": "a strategy that believes something of the labels, such as --strategy pencil, elr or self_distillation",
    "probabilities": "networks that haven't seen the label: --folds 4",
}


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What is known of N labels. None, or not a number in a row, is what nobody measured.

    Attributes:
        ids: N strings.
        given: int64 [N], the labels in doubt.
        class_names: C names.
        seed: of whatever a method draws.
        margin: float [N], the logit of the given label less the largest other one, mean over training.
        loss: float [N], cross-entropy, mean over training.
        table: float [N, C], what the training strategy believed of the labels.
        probabilities: float [N, C], of networks that haven't seen the label.
        fitted: float [N, C], of the network that was trained on the label.
    """

    ids: np.ndarray
    given: np.ndarray
    class_names: tuple[str, ...]
    seed: int = 0
    margin: np.ndarray | None = None
    loss: np.ndarray | None = None
    table: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    fitted: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def best(self) -> np.ndarray | None:
        """The prediction that trusts the given label least, float [N, C]."""
        return next((p for p in (self.probabilities, self.table, self.fitted) if p is not None), None)

    @property
    def agreement(self) -> float | None:
        """The share of the given labels that the best prediction meets, None without any."""
        return None if self.best is None else float((np.nan_to_num(self.best).argmax(axis=1) == self.given).mean())

    def of(self, name: str) -> np.ndarray:
        """Returns what is known under a name. Raises ValueError if nothing is; `judged` sees to it that it is."""
        values = getattr(self, name)
        if values is None:
            raise ValueError(f"nothing is known of the {name}")
        return values

    def known(self, needs: Sequence[str]) -> np.ndarray:
        """Returns the rows of which all that `needs` names is known, bool [N]."""
        rows = np.ones(len(self), bool)
        for name in needs:
            values = getattr(self, name)
            if values is None:
                return np.zeros(len(self), bool)
            rows &= np.isfinite(values.reshape(len(self), -1)).all(axis=1)
        return rows

    def take(self, rows: np.ndarray) -> "Evidence":
        """Returns the evidence of the examples that an index or mask selects."""
        arrays: dict[str, Any] = {
            name: values[rows] for name, values in vars(self).items() if isinstance(values, np.ndarray)
        }
        return dataclasses.replace(self, **arrays)


@dataclasses.dataclass(frozen=True)
class Scores:
    """What a method says of N labels.

    Attributes:
        score: float64 [N] in [0, 1], the higher the more probably wrong, monotone in the method's own statistic.
        flagged: bool [N], whether the label is called wrong.
        suggested: int64 [N], the label that would be right; None if the method doesn't say.
        joint: float [C, C], how many examples of a given label (row) are of a class (column); None if the method
            doesn't say.
    """

    score: np.ndarray
    flagged: np.ndarray
    suggested: np.ndarray | None = None
    joint: np.ndarray | None = None


def judged(method: object, name: str, evidence: Evidence) -> tuple[np.ndarray, Scores]:
    """Returns the rows of which a method knows enough, int64 [M], and its scores of these with every suggestion made.

    Args:
        method: a registered audit method.
        name: what it is called in messages.
        evidence: of N labels.

    Raises:
        UsageError: if what it needs isn't known of any label.
    """
    needs = method.needs  # type: ignore[attr-defined]
    rows = np.flatnonzero(evidence.known(needs))
    if not len(rows):
        missing = [each for each in needs if not evidence.known([each]).any()] or list(needs)
        raise refused(name, missing)
    part = evidence.take(rows)
    scores = method(part)  # type: ignore[operator]
    return rows, dataclasses.replace(scores, suggested=_suggested(part, scores))


def refused(name: str, missing: Sequence[str]) -> UsageError:
    """Returns what to say of a method that lacks what it judges by.

    Args:
        name: of the method.
        missing: fields of Evidence.
    """
    return UsageError(
        f"--method {name} without what it judges by ({', '.join(missing)})",
        "; ".join(SOURCES[each] for each in missing),
        "audit with --folds 4, which trains four networks more"
        if "probabilities" in missing
        else "choose another --method (tfqnoise list audit), or train such a run and audit it",
    )


def _suggested(evidence: Evidence, scores: Scores) -> np.ndarray:
    """Returns a label for each example, and for a flagged one never the label that is called wrong."""
    best = evidence.best
    if best is None:
        return evidence.given if scores.suggested is None else scores.suggested
    best = np.nan_to_num(best)
    suggested = best.argmax(axis=1) if scores.suggested is None else scores.suggested
    own = np.eye(best.shape[1], dtype=bool)[evidence.given]
    other = np.where(own, -1.0, best).argmax(axis=1)
    # A network that learned a wrong label by heart predicts it; its second choice is what it saw in the picture.
    return np.where(scores.flagged & (suggested == evidence.given), other, suggested)
