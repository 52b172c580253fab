"""The label audit: which labels are probably wrong. One file per method.

A method is a frozen dataclass whose `needs` names the evidence that it judges by (fields of
`tfqnoise.audit.evidence.Evidence`) and that maps an Evidence of N labels to Scores. It is only given labels of which
all that it needs is known.
"""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tfqnoise.audit import folds as folding
from tfqnoise.audit import gather, quality, result
from tfqnoise.audit.evidence import Evidence, judged
from tfqnoise.audit.page import MOST, page
from tfqnoise.data import dataset as data
from tfqnoise.data.dataset import Dataset, Labelled
from tfqnoise.errors import UsageError
from tfqnoise.metrics import no_better_than
from tfqnoise.recipe import Recipe
from tfqnoise.registry import Registry
from tfqnoise.run import Run

registry = Registry("audit method", __name__)
register, get = registry.register, registry.get

AUTO = "auto"
USUAL_FOLDS = 4


def audit(
    subject: Run | Recipe,
    *,
    folds: int | None = None,
    method: Any = AUTO,
    run_dir: str | Path | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Says which labels are probably wrong, and writes audit.csv, summary.json and audit.html into RUN/audit/.

    Args:
        subject: a run; or a recipe, of which only the networks of the folds are trained.
        folds: networks to train by the run's recipe, each without one part of the labels, which it then judges. None
            takes what the run itself saw of its labels, or 4 for a recipe. Finished ones are taken as they are.
        method: a registered method, or "auto": cleanlab's if there are folds and cleanlab is installed, else
            self_confidence; without folds area_under_margin, which found more of the wrong labels than the tables of
            strategies did wherever both were measured.
        run_dir: for a recipe, the run directory; runs/<time>-<dataset>-audit if not given.
        report: takes each message.

    Returns:
        The content of summary.json.

    Raises:
        TfqnoiseError: for a run, data, folds or a method that can't be audited by.

    Example:
        >>> audit(Run.open("runs/try"))["flagged"]
    """
    chosen = None if method == AUTO else get(method)
    if chosen is not None and hasattr(chosen, "check"):
        chosen.check()
    recipe = subject if isinstance(subject, Recipe) else subject.recipe
    if isinstance(subject, Recipe):
        folds = USUAL_FOLDS if folds is None else folds
        Run.refuse_existing(run_dir)
        run = Run(Path(run_dir) if run_dir else Run.fresh(recipe, "audit"))
    else:
        run = subject
    if folds is not None:
        folding.check(recipe, folds)
    dataset = data.load(recipe)
    _check_task(recipe, dataset)
    if folds is None:
        evidence, labelled = gather.of_run(run, dataset)
    else:
        wanted = ("", ()) if chosen is None else (str(registry.to_dict(chosen)["name"]), chosen.needs)
        runs = folding.trained(recipe, folds, run.path, report, wanted)
        evidence, labelled = gather.of_folds(runs, dataset, recipe.seed, report)
    chosen = get(_best(evidence)) if chosen is None else chosen
    with run.lock():
        return _written(run, recipe, dataset, evidence, labelled, chosen, folds or 0, report)


def _check_task(recipe: Recipe, dataset: Dataset) -> None:
    if dataset.source.task != "single":
        raise UsageError(
            f"an audit of {recipe.dataset}, which has several labels a picture",
            "one label a picture",
            "audit each label by itself: a CSV with path,label of one of them (--dataset folder:FILE)",
        )


def _best(evidence: Evidence) -> str:
    """Returns the name of the method that there is the best evidence for."""
    if evidence.probabilities is not None:
        return "confident_learning" if _ready("confident_learning") else "self_confidence"
    return "area_under_margin"


def _ready(name: str) -> bool:
    """Returns whether what a method needs is installed."""
    return getattr(registry.entry(name).factory, "installed", lambda: True)()


def _written(
    run: Run,
    recipe: Recipe,
    dataset: Dataset,
    evidence: Evidence,
    labelled: Labelled,
    method: Any,
    folds: int,
    report: Callable[[str], None],
) -> dict[str, Any]:
    spec = registry.to_dict(method)
    rows, scores = judged(method, spec["name"], evidence)
    part = evidence.take(rows)
    known = {}
    if dataset.source.test_labels == "clean" and labelled.wrong.any():
        known = _known(method, spec["name"], evidence, labelled)
    found = result.summary(recipe, spec, folds, part, scores, known)
    kept = result.write_table(run, recipe, part, scores)
    found["earlier_corrections"] = kept
    run.write_json("audit/summary.json", found)
    words = [
        f"{recipe.dataset}: {found['flagged']} of {len(part)} labels are probably wrong "
        f"({found['flagged'] / len(part):.1%}), by {spec['name']}"
        + (f" over {folds} folds" if folds else "")
        + f"; estimated noise rate {found['estimated_noise_rate']:.1%}",
    ]
    if kept:
        words.append(f"{kept} earlier corrections, from {recipe.labels}, stay")
    words += _doubts(part, found["flagged"])
    shown = [*words, f"The {min(MOST, len(part))} most doubtful ones, worst first, with their scores."]
    text = page(f"Labels of {recipe.dataset}", shown, part, scores, labelled.examples.images[rows])
    run.write_bytes("audit/audit.html", text.encode())
    if known:
        words.append(f"{found['true_noise_rate']:.1%} are wrong; how well each method finds them:")
        words.append(quality.table(known))
    words.append(f"look at them: {run.path / 'audit' / 'audit.html'}")
    before, after = found.get("label_accuracy_before"), found.get("label_accuracy_after")
    if before is not None and after is not None and after < before:
        words.append(
            f"the corrections would do harm: {before:.1%} of the labels are right now, {after:.1%} with them"
        )
    elif not _learned_nothing(part):
        words.append("train on the corrected labels: " + _next(run))
    report("\n".join(words))
    return found


def _learned_nothing(evidence: Evidence) -> bool:
    commonest = float(np.bincount(evidence.given).max() / len(evidence))
    return evidence.agreement is not None and no_better_than(commonest, evidence.agreement)


def _doubts(evidence: Evidence, flagged: int) -> list[str]:
    """Returns what speaks against believing the audit: who has learned nothing finds every label doubtful."""
    if _learned_nothing(evidence):
        return [
            f"WARNING: {evidence.agreement:.1%} of the labels are what the network predicts, no more than by calling "
            "every picture by the commonest: it has learned next to nothing, and can't judge. Train longer, with a "
            "smaller --batch-size or a lower --learning-rate, and audit again"
        ]
    if flagged > len(evidence) / 2:
        return [
            f"note: more than half of all labels are called wrong; the network predicts {evidence.agreement:.1%} of "
            "them. If so many can't be wrong, it is too little trained to judge"
        ]
    return []


def _known(method: Any, name: str, evidence: Evidence, labelled: Labelled) -> dict[str, dict[str, Any]]:
    """Returns how well each method finds the wrong labels that there is evidence for, the chosen one first."""
    methods = {name: method}
    for entry in registry.entries().values():
        usable = evidence.known(entry.factory.needs).any()  # type: ignore[attr-defined]
        if entry.name != name and usable and _ready(entry.name):
            methods[entry.name] = entry.factory()
    found = {}
    for each, judge in methods.items():
        rows, scores = judged(judge, each, evidence)
        found[each] = quality.of(scores, labelled.given[rows], labelled.examples.labels[rows])
    return found


def _next(run: Run) -> str:
    recipe, labels = run.path / "recipe.json", run.path / "audit" / "audit.csv"
    return shlex.join(["python", "scripts/train.py", "--recipe", str(recipe), "--labels", str(labels)])
