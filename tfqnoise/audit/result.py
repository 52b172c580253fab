"""What an audit writes: audit.csv for --labels, and summary.json."""

import csv
import io
import time
from typing import Any

import numpy as np

from tfqnoise import label_file
from tfqnoise.audit import quality
from tfqnoise.audit.evidence import Evidence, Scores
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run

COLUMNS = ("id", "given", "suggested", "score", "flagged")


def worst_first(ids: np.ndarray, scores: Scores) -> np.ndarray:
    """Returns the order of falling scores, equal ones by id."""
    return np.lexsort((ids, -scores.score))


def write_table(run: Run, recipe: Recipe, evidence: Evidence, scores: Scores) -> int:
    """Writes audit.csv and returns how many earlier corrections were kept in it.

    A run that was itself trained with --labels stands on corrections. Those of its pictures that aren't flagged now
    keep them: they are flagged with the label that they have, or the next run would fall back to the first labels.

    Args:
        run: that is audited.
        recipe: of it.
        evidence: of N labels.
        scores: of the same.
    """
    names = evidence.class_names
    earlier = label_file.read(recipe.labels, names) if recipe.labels else {}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    suggested, kept = quality.corrected(scores, evidence.given), 0
    advice = evidence.given if scores.suggested is None else scores.suggested
    for row in worst_first(evidence.ids, scores).tolist():
        name, given = str(evidence.ids[row]), int(evidence.given[row])
        keeps = not scores.flagged[row] and earlier.pop(name, None) is not None
        if scores.flagged[row]:
            earlier.pop(name, None)
        kept += keeps
        label = suggested[row] if keeps else advice[row]
        flag = int(keeps or scores.flagged[row])
        table.writerow((name, names[given], names[int(label)], f"{scores.score[row]:.6g}", flag))
    for name, label in sorted(earlier.items()):
        table.writerow((name, names[label], names[label], "0", 1))
    run.write_bytes("audit/audit.csv", text.getvalue().encode())
    return kept + len(earlier)


def transition(joint: np.ndarray) -> np.ndarray:
    """Returns the transition matrix of a joint of labels: row = probable true class, column = given one.

    Args:
        joint: float [C, C], row = given, column = probably true.

    Returns:
        float64 [C, C] whose rows sum to 1; a class that nothing is of keeps its labels.
    """
    counts = joint.T.astype(np.float64)
    sums = counts.sum(axis=1, keepdims=True)
    return np.where(sums > 0, counts / np.where(sums > 0, sums, 1), np.eye(len(joint)))


def joint_of(evidence: Evidence, scores: Scores) -> np.ndarray:
    """Returns the method's own joint, or else counts given and corrected labels, float64 [C, C]."""
    if scores.joint is not None:
        return scores.joint
    joint = np.zeros((len(evidence.class_names),) * 2)
    np.add.at(joint, (evidence.given, quality.corrected(scores, evidence.given)), 1)
    return joint


def summary(
    recipe: Recipe,
    spec: dict[str, Any],
    folds: int,
    evidence: Evidence,
    scores: Scores,
    known: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Returns the content of audit/summary.json.

    Args:
        recipe: of the audited run.
        spec: of the method.
        folds: 0 for none.
        evidence: of N labels.
        scores: of the same.
        known: what `quality.of` says of each method; empty where it isn't known which labels are wrong.
    """
    joint = joint_of(evidence, scores)
    own = known.get(str(spec["name"]), {})
    return {
        "method": spec,
        "folds": folds,
        "examples": len(evidence),
        "flagged": int(scores.flagged.sum()),
        "agreement": evidence.agreement,
        "estimated_noise_rate": float(1 - joint.trace() / joint.sum()),
        "true_noise_rate": 1 - own["label_accuracy_before"] if own else None,
        "label_accuracy_before": own.get("label_accuracy_before"),
        "label_accuracy_after": own.get("label_accuracy_after"),
        "methods": known or None,
        "transition_matrix": transition(joint).tolist(),
        "class_names": list(evidence.class_names),
        "recipe_hash": recipe.hash(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
