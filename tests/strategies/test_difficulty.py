import numpy as np
import pytest
from scipy.special import log_softmax, rel_entr, softmax
from scipy.stats import spearmanr

from tfqnoise import Recipe, losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.difficulty import Difficulty, chosen, rank_correlation
from tfqnoise.training.train import train

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (3, 6, 2, 2, 1), np.uint8)
TEACHER, OWN = RANDOM.normal(size=(2, 4, 3)).astype(np.float32) / 100
LABELS = np.eye(3, dtype=np.float32)[RANDOM.integers(0, 3, 6)]
BATCH = {"image": tf.constant(IMAGES[0]), "strong": tuple(map(tf.constant, IMAGES[1:])), "passed": tf.constant(0.5)}


def _linear(kernel):
    return lambda images, trace=True: tf.reshape(tf.cast(images, tf.float32), [-1, 4]) @ kernel


def _answers(kernel):
    """Logits of the three views, [3, 6, 3]."""
    return IMAGES.reshape(3, 6, 4).astype(np.float64) @ kernel


def _entropies(kernel):
    return -(LABELS * log_softmax(_answers(kernel), axis=-1)).sum(axis=-1)


def _difficulties(measure):
    if measure == "loss":
        return _entropies(TEACHER)
    p = softmax(_answers(TEACHER), axis=-1)
    return rel_entr(p[0], p).sum(axis=-1)


def _outcome(**settings):
    base = losses.scheduled(losses.get("cross_entropy"))
    state = Difficulty(**settings).build(base, Problem(np.zeros(6, np.int64), 3, teacher=_linear(TEACHER)))
    return float(state.outcome(BATCH, LABELS, [_linear(OWN)]).losses[0]), state.findings()


@pytest.mark.parametrize("measure", ["loss", "divergence"])
@pytest.mark.parametrize("percentile", [0, 40, 100])
def test_kept_is_the_hardest_that_is_easy_enough(measure, percentile):
    difficulties, own = _difficulties(measure), _entropies(OWN)
    # None, some and all of them.
    threshold = float(np.percentile(difficulties[1:], percentile)) * {0: 0.99, 40: 1, 100: 1.01}[percentile]
    expected, strong = [], []
    for picture in range(6):
        fitting = [view for view in (1, 2) if difficulties[view, picture] < threshold]
        view = max(fitting, key=lambda each: difficulties[each, picture]) if fitting else 0
        expected.append(own[view, picture])
        strong.append(view > 0)
    value, found = _outcome(measure=measure, threshold=threshold)
    assert value == pytest.approx(np.mean(expected), rel=1e-4)
    assert found["strong_share"] == pytest.approx(np.mean(strong))
    assert {0: not any(strong), 40: 0 < sum(strong) < 6, 100: all(strong)}[percentile]
    assert found["difficulty"] == pytest.approx(difficulties[1:].mean(), rel=1e-4)


@pytest.mark.parametrize("measure", ["loss", "divergence"])
@pytest.mark.parametrize("temperature", [0.3, 1e6])
def test_weighed_is_the_mean_by_the_exponential_of_the_difficulty(measure, temperature):
    weights = np.exp(-_difficulties(measure) / temperature)
    weights /= weights.sum(axis=0)
    value, found = _outcome(measure=measure, choose="weigh", temperature=temperature)
    assert value == pytest.approx((weights * _entropies(OWN)).sum(axis=0).mean(), rel=1e-4)
    assert found["strong_share"] == pytest.approx(1 - weights[0].mean(), rel=1e-4)


def test_the_correlation_is_that_of_the_teachers_difficulty_and_the_students_loss():
    _, found = _outcome()
    expected = spearmanr(_entropies(TEACHER)[1], _entropies(OWN)[1]).statistic
    assert found["difficulty_rank_correlation"] == pytest.approx(expected, rel=1e-5)
    assert abs(expected) < 0.99


def test_findings_are_means_over_the_epoch_alone():
    base = losses.scheduled(losses.get("cross_entropy"))
    state = Difficulty().build(base, Problem(np.zeros(6, np.int64), 3, teacher=_linear(TEACHER)))
    assert state.findings() == {}
    for epoch in (0, 1):
        state.begin_epoch(epoch, None)
        for _ in range(3):
            state.outcome(BATCH, LABELS, [_linear(OWN)])
        for name, value in state.findings().items():
            assert value == pytest.approx(_outcome()[1][name], rel=1e-5)


@pytest.mark.parametrize("ties", [False, True])
def test_rank_correlation_is_spearmans(ties):
    first, second = RANDOM.normal(size=(2, 40)).astype(np.float32)
    second += first
    if ties:
        first, second = np.round(first), np.round(second)
    expected = spearmanr(first, second).statistic
    assert float(rank_correlation(first, second)) == pytest.approx(expected, rel=1e-5)
    assert float(rank_correlation(first, -(second**3))) == pytest.approx(-expected, rel=1e-5)
    assert float(rank_correlation(first, np.ones(40, np.float32))) == 0


def test_a_threshold_is_not_met_by_what_equals_it():
    difficulties = tf.constant([[0.1, 0.5, 0.2], [0.1, 0.5, 0.6], [0.1, 0.2, 0.3]])
    np.testing.assert_array_equal(chosen(difficulties, 0.5), [2, 0, 2])
    np.testing.assert_array_equal(chosen(difficulties[:, :2], 0.5), [0, 0, 1])


def test_a_run_says_what_was_found(trained, tmp_path, silent):
    strategy = '{"name": "difficulty", "strong": {"name": "standard", "pad": 2}}'
    recipe = Recipe(width=0.5, epochs=3, batch_size=32, bits=32, strategy=strategy, teacher=str(trained.path))
    rows = train(recipe, tmp_path / "run", report=silent).read_lines("metrics.jsonl")
    for row in rows:
        assert row["difficulty"] > 0
        assert 0 < row["strong_share"] <= 1
        assert -1 <= row["difficulty_rank_correlation"] <= 1
    # Once the student has learnt, it finds hard what the teacher does.
    assert rows[-1]["difficulty_rank_correlation"] > 0.3


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"strong": "standrad"}, "did you mean"),
        ({"measure": "margin"}, "loss or divergence"),
        ({"choose": "drop"}, "keep or weigh"),
        ({"candidates": 0}, "candidates = 0"),
        ({"threshold": 0.0}, "threshold = 0"),
        ({"temperature": -1.0}, "temperature = -1"),
    ],
)
def test_wrong_settings_are_refused(settings, words):
    with pytest.raises(UsageError, match=words):
        Difficulty(**settings)
