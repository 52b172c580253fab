import numpy as np
import pytest

from tfqnoise.audit import quality
from tfqnoise.audit.evidence import Scores


def test_against_figures_by_hand():
    given, true = np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1])
    scores = Scores(np.array([0.1, 0.9, 0.5, 0.4]), np.array([False, True, True, False]), np.array([0, 0, 0, 0]))
    found = quality.of(scores, given, true)
    assert found["auroc"] == pytest.approx(0.75)
    assert found["average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert (found["precision"], found["recall"], found["flagged"]) == (0.5, 0.5, 2)
    assert (found["label_accuracy_before"], found["label_accuracy_after"]) == (0.5, 0.5)
    assert "0.750" in quality.table({"some": found})


def test_where_all_labels_are_right_there_is_nothing_to_rank():
    scores = Scores(np.zeros(2), np.zeros(2, bool), np.zeros(2, np.int64))
    found = quality.of(scores, np.array([0, 1]), np.array([0, 1]))
    assert found["auroc"] is found["average_precision"] is found["precision"] is found["recall"] is None
    assert found["label_accuracy_after"] == 1
    assert "-" in quality.table({"some": found})
