import numpy as np
import pytest

from tfqnoise.audit.confident_learning import FILTERS, RANKINGS, ConfidentLearning
from tfqnoise.audit.evidence import Evidence
from tfqnoise.errors import UsageError

GIVEN = np.array([0, 0, 0, 1, 1, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.2, 0.8], [0.4, 0.6], [0.6, 0.4]], np.float32)
EVIDENCE = Evidence(np.array(list("abcdef")), GIVEN, ("x", "y"), probabilities=PROBABILITIES)


@pytest.mark.parametrize("filter_by", FILTERS)
@pytest.mark.parametrize("rank_by", RANKINGS)
def test_every_way_of_cleanlab_finds_the_two_wrong_labels(filter_by, rank_by):
    pytest.importorskip("cleanlab")
    scores = ConfidentLearning(filter_by, rank_by)(EVIDENCE)
    assert scores.flagged.tolist() == [False, False, True, False, False, True]
    assert set(np.argsort(-scores.score)[:2]) == {2, 5}
    np.testing.assert_array_equal(scores.joint, [[2, 1], [1, 2]])


def test_a_class_without_labels_is_no_trouble():
    pytest.importorskip("cleanlab")
    wider = np.pad(PROBABILITIES, [(0, 0), (0, 1)])
    scores = ConfidentLearning()(Evidence(EVIDENCE.ids, GIVEN, ("x", "y", "z"), probabilities=wider))
    assert scores.flagged.tolist() == [False, False, True, False, False, True]
    assert scores.joint.shape == (3, 3)


def test_another_way_is_refused():
    with pytest.raises(UsageError, match="prune_by_noise_rate"):
        ConfidentLearning(filter_by="guess")


def test_without_cleanlab_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'tfqnoise\[audit\]'"):
        ConfidentLearning()(EVIDENCE)
