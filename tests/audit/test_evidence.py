"""Laws that every audit method keeps, on made-up evidence whose wrong labels are known."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tfqnoise import audit
from tfqnoise.audit.evidence import Evidence, judged
from tfqnoise.errors import UsageError

NAMES = ("a", "b", "c", "d")
METHODS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            not getattr(entry.factory, "installed", lambda: True)(), reason="its library isn't installed"
        ),
    )
    for name, entry in audit.registry.entries().items()
]


def _evidence(count=400, rate=0.3, seed=0):
    """Returns evidence as a fairly good network leaves it, and which labels are wrong."""
    random = np.random.default_rng(seed)
    true = random.integers(0, 4, count)
    given = np.where(random.random(count) < rate, (true + random.integers(1, 4, count)) % 4, true)
    logits = random.normal(size=(count, 4)) + 4 * np.eye(4)[true]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    own = logits[np.arange(count), given]
    other = np.where(np.eye(4, dtype=bool)[given], -np.inf, logits).max(axis=1)
    ids = np.array([f"train_{n:06d}" for n in range(count)])
    loss = -np.log(probabilities[np.arange(count), given])
    return Evidence(ids, given, NAMES, 0, own - other, loss, probabilities, probabilities), given != true


@pytest.mark.parametrize("name", METHODS)
def test_wrong_labels_are_found(name):
    evidence, wrong = _evidence()
    rows, scores = judged(audit.get(name), name, evidence)
    assert len(rows) == 400
    assert scores.score.min() >= 0
    assert scores.score.max() <= 1
    assert roc_auc_score(wrong, scores.score) > 0.95
    assert scores.flagged.dtype == bool
    assert (wrong == scores.flagged).mean() > 0.9
    # A label that is called wrong is never what is suggested.
    assert (scores.suggested[scores.flagged] != evidence.given[scores.flagged]).all()


@pytest.mark.parametrize("name", METHODS)
def test_order_and_company_say_nothing(name):
    """In another order the same labels come out, and equal evidence gets equal scores."""
    evidence, _ = _evidence()
    method = audit.get(name)
    _, whole = judged(method, name, evidence)
    order = np.random.default_rng(1).permutation(400)
    _, shuffled = judged(method, name, evidence.take(order))
    np.testing.assert_allclose(shuffled.score, whole.score[order], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(shuffled.flagged, whole.flagged[order])
    np.testing.assert_array_equal(shuffled.suggested, whole.suggested[order])
    _, twice = judged(method, name, evidence.take(np.repeat(np.arange(400), 2)))
    np.testing.assert_array_equal(twice.score[::2], twice.score[1::2])


@pytest.mark.parametrize("name", METHODS)
def test_scores_follow_the_statistic(name):
    evidence, _ = _evidence()
    _, scores = judged(audit.get(name), name, evidence)
    own = np.take_along_axis(evidence.probabilities, evidence.given[:, None], 1)[:, 0]
    statistic = {"area_under_margin": -evidence.margin, "loss_mixture": evidence.loss}.get(name, 1 - own)
    order = np.argsort(statistic)
    assert (np.diff(scores.score[order]) >= -1e-12).all()
    assert len(np.unique(scores.score)) > 350


@pytest.mark.parametrize("name", METHODS)
def test_labels_that_all_look_alike_are_not_flagged(name):
    given = np.arange(8) % 4
    even = np.eye(4)[given] * 0.6 + 0.1
    ids = np.array(list("abcdefgh"))
    evidence = Evidence(ids, given, NAMES, 0, np.full(8, 2.0), np.full(8, 0.1), even, even)
    _, scores = judged(audit.get(name), name, evidence)
    assert not scores.flagged.any()
    assert np.ptp(scores.score) < 1e-9


def test_only_what_is_known_is_judged():
    evidence, _ = _evidence()
    margin = evidence.margin.copy()
    margin[::2] = np.nan
    rows, scores = judged(audit.get("area_under_margin"), "-", dataclasses.replace(evidence, margin=margin))
    np.testing.assert_array_equal(rows, np.arange(1, 400, 2))
    assert np.isfinite(scores.score).all()


@pytest.mark.parametrize(
    ("name", "field", "message"),
    [
        ("label_table", "table", "--strategy pencil"),
        ("self_confidence", "probabilities", "--folds 4"),
        ("area_under_margin", "margin", "a run that trained"),
    ],
)
def test_missing_evidence_is_named_with_what_gives_it(name, field, message):
    evidence, _ = _evidence()
    for nothing in (None, np.full(400, np.nan)):
        with pytest.raises(UsageError, match=message):
            judged(audit.get(name), name, dataclasses.replace(evidence, **{field: nothing}))


def test_a_network_that_learned_a_wrong_label_by_heart_suggests_its_second_choice():
    given = np.array([0, 0, 0, 1])
    margin = np.array([2.0, 2.1, 1.9, -3.0])
    fitted = np.array([[0.9, 0.05, 0.05], [0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.1, 0.7, 0.2]])
    evidence = Evidence(np.array(list("abcd")), given, NAMES[:3], margin=margin, fitted=fitted)
    _, scores = judged(audit.get("area_under_margin"), "-", evidence)
    assert scores.flagged.tolist() == [False, False, False, True]
    assert scores.suggested.tolist() == [0, 0, 0, 2]
