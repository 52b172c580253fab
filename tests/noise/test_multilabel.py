import numpy as np
import pytest

from tfqnoise.errors import UsageError
from tfqnoise.noise import Truth
from tfqnoise.noise.multilabel import Multilabel

LABELS = np.arange(12000)[:, None] // 3 ** np.arange(3) % 3 - 1
TRUTH = Truth(np.array([str(n) for n in range(12000)]), LABELS, np.zeros((12000, 1, 1, 1)), ("x", "y", "z"))


def test_present_and_absent_labels_have_probabilities_of_their_own():
    given = Multilabel(rate=0.9, positive=0.3, negative=0.05).given(TRUTH, 0)
    for label in range(3):
        true, now = LABELS[:, label], given[:, label]
        assert np.mean(now[true == 1] == 0) == pytest.approx(0.3, abs=0.035)
        assert np.mean(now[true == 0] == 1) == pytest.approx(0.05, abs=0.017)
        assert (now[true == -1] == -1).all()


def test_a_probability_that_is_not_given_is_the_rate():
    given = Multilabel(rate=0.2, negative=0.0).given(TRUTH, 0)
    assert not ((LABELS == 0) & (given == 1)).any()
    assert np.mean(given[LABELS == 1] == 0) == pytest.approx(0.2, abs=0.02)


def test_labels_of_one_picture_err_independently():
    flipped = Multilabel(rate=0.5).given(TRUTH, 0) != LABELS
    known = (LABELS >= 0).all(axis=1)
    assert np.abs(np.corrcoef(flipped[known].T) - np.eye(3)).max() < 0.1


def test_the_expected_rate_weighs_by_how_many_are_present():
    labels = np.array([[1, 0, 0], [-1, 0, -1]])
    truth = Truth(np.array(["p", "q"]), labels, np.zeros((2, 1, 1, 1)), ("x", "y", "z"))
    assert Multilabel(positive=0.4, negative=0.1).expected_rate(truth) == pytest.approx((0.4 + 3 * 0.1) / 4)
    nothing = Truth(truth.ids, np.full((2, 3), -1), truth.images, truth.class_names)
    assert Multilabel(rate=0.4).expected_rate(nothing) is None


@pytest.mark.parametrize("settings", [{"positive": 1.5}, {"negative": -0.1}, {"positive": float("nan")}])
def test_what_is_no_probability_is_refused(settings):
    with pytest.raises(UsageError, match="multilabel with"):
        Multilabel(**settings)
