"""How well wrong labels were found, where it is known which are."""

from typing import Any

import numpy as np

from tfqnoise.audit.evidence import Scores


def of(scores: Scores, given: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """Returns how well a method found the labels that are truly wrong.

    Args:
        scores: of N labels.
        given: int64 [N].
        true: int64 [N].

    Returns:
        `auroc` and `average_precision` of the scores (None where all labels are right, or all wrong), `precision`
        (None where nothing is flagged) and `recall` (None where nothing is wrong) of the flags, and the share of
        right labels before and after flagged ones are replaced by the suggested.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    wrong = given != true
    both = bool(wrong.any() and not wrong.all())
    found = int((scores.flagged & wrong).sum())
    after = corrected(scores, given)
    return {
        "examples": len(given),
        "auroc": float(roc_auc_score(wrong, scores.score)) if both else None,
        "average_precision": float(average_precision_score(wrong, scores.score)) if both else None,
        "flagged": int(scores.flagged.sum()),
        "precision": found / int(scores.flagged.sum()) if scores.flagged.any() else None,
        "recall": found / int(wrong.sum()) if wrong.any() else None,
        "label_accuracy_before": float(np.mean(given == true)),
        "label_accuracy_after": float(np.mean(after == true)),
    }


def corrected(scores: Scores, given: np.ndarray) -> np.ndarray:
    """Returns the labels with the suggested ones in the place of the flagged."""
    return given if scores.suggested is None else np.where(scores.flagged, scores.suggested, given)


def table(found: dict[str, dict[str, Any]]) -> str:
    """Returns the results of several methods, by name, as lines of text."""

    def number(value: float | None) -> str:
        return f"{'-' if value is None else f'{value:.3f}':>9}"

    lines = [f"{'':<20}{'AUROC':>9}{'AP':>9}{'precision':>11}{'recall':>9}{'right labels':>14}"]
    for name, each in found.items():
        cells = number(each["auroc"]) + number(each["average_precision"])
        cells += f"  {number(each['precision'])}{number(each['recall'])}{each['label_accuracy_after']:>14.1%}"
        lines.append(f"{name:<20}{cells}")
    return "\n".join(lines)
