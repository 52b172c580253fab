import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.pencil import PENCIL

RANDOM = np.random.default_rng(0)
GIVEN = RANDOM.integers(0, 4, 10)
ROWS = np.array([7, 2, 9])
LABELS = np.eye(4, dtype=np.float32)[GIVEN[ROWS]]
LOGITS = RANDOM.normal(size=(3, 4)).astype(np.float32) * 2


def _softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _loss(logits, own, alpha, beta):
    """The paper's L of each picture, written out: the divergence is of the prediction from the label."""
    f, y = _softmax(logits.astype(np.float64)), _softmax(own.astype(np.float64))
    divergence = (f * np.log(f / y)).sum(axis=1) / 4
    return divergence - alpha * (LABELS * np.log(y)).sum(axis=1) - beta * (f * np.log(f)).sum(axis=1) / 4


def _slopes(function, at):
    at, result = at.astype(np.float64), np.zeros(at.shape)
    for place in np.ndindex(*at.shape):
        ends = []
        for step in (1e-5, -1e-5):
            moved = at.copy()
            moved[place] += step
            ends.append(function(moved))
        result[place] = (ends[0] - ends[1]) / 2e-5
    return result


def _state(epochs=320, **settings):
    base = losses.scheduled(losses.get("cross_entropy"))
    state = PENCIL(**settings).build(base, Problem(GIVEN, 4, epochs))
    np.testing.assert_array_equal(state.labels.value(), 10 * np.eye(4)[GIVEN])
    # Somewhere on their way, where the softmax isn't flat.
    state.labels.assign(RANDOM.normal(size=(10, 4)))
    return state


def _step(state, passed):
    logits = tf.constant(LOGITS)
    before = state.labels.value()
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = state.loss({"row": tf.constant(ROWS), "passed": tf.constant(passed)}, LABELS, logits)
        mean = tf.reduce_mean(values)
    return values.numpy(), tape.gradient(mean, logits).numpy(), before, state.labels.value()


@pytest.mark.parametrize(("alpha", "beta"), [(0.4, 0.1), (0.0, 0.8), (0.7, 0.0)])
def test_stage_two_is_the_papers_loss_of_both(alpha, beta):
    """The network goes down the slope of the mean of L over the batch, each label down that of its own L."""
    state = _state(alpha=alpha, beta=beta, rate=30.0 * 128)
    values, gradient, before, after = _step(state, 0.4)
    own = before[ROWS]
    np.testing.assert_allclose(values, _loss(LOGITS, own, alpha, beta), rtol=1e-4)
    np.testing.assert_allclose(gradient, _slopes(lambda x: _loss(x, own, alpha, beta).mean(), LOGITS), atol=1e-4)
    moved = -30 * _slopes(lambda y: _loss(LOGITS, y, alpha, beta).sum(), own)
    np.testing.assert_allclose(after[ROWS] - own, moved, atol=1e-3)
    others = np.setdiff1d(np.arange(10), ROWS)
    np.testing.assert_array_equal(after[others], before[others])


@pytest.mark.parametrize(
    ("epochs", "stages", "factor"),
    [(320, {}, 1), (640, {}, 1), (60, {}, 1), (32, {}, 20 / 13), (20, {"first": 0.2, "second": 0.7}, 2)],
)
def test_the_rate_is_larger_where_stage_two_is_short(epochs, stages, factor):
    state = _state(epochs, rate=3.0 * 128, alpha=0.4, **stages)
    _, _, before, after = _step(state, 0.5)
    slopes = _slopes(lambda y: _loss(LOGITS, y, 0.4, 0.1).sum(), before[ROWS])
    np.testing.assert_allclose(after[ROWS] - before[ROWS], -3 * factor * slopes, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize(("passed", "stage"), [(0.0, 1), (0.218, 1), (0.21875, 2), (0.624, 2), (0.625, 3), (1.0, 3)])
def test_labels_move_in_stage_two_alone(passed, stage):
    state = _state(alpha=0.4)
    values, gradient, before, after = _step(state, passed)
    assert (after != before).any() == (stage == 2)
    f = _softmax(LOGITS)
    if stage == 1:
        np.testing.assert_allclose(values, -(LABELS * np.log(f)).sum(axis=1), rtol=1e-4)
        np.testing.assert_allclose(gradient, (f - LABELS) / 3, atol=1e-5)
    elif stage == 3:
        np.testing.assert_allclose(values, _loss(LOGITS, before[ROWS], 0, 0), rtol=1e-4)
        np.testing.assert_allclose(
            gradient, _slopes(lambda x: _loss(x, before[ROWS], 0, 0).mean(), LOGITS), atol=1e-5
        )
    else:
        np.testing.assert_allclose(values, _loss(LOGITS, before[ROWS], 0.4, 0.1), rtol=1e-4)


def test_the_same_in_the_graph():
    eager, graph = _state(), _state()
    graph.labels.assign(eager.labels.value())
    step = tf.function(lambda passed: graph.loss({"row": tf.constant(ROWS), "passed": passed}, LABELS, LOGITS))
    for passed in (0.1, 0.3, 0.5, 0.7):
        values, _, _, after = _step(eager, passed)
        np.testing.assert_allclose(step(tf.constant(passed)), values, rtol=1e-5)
        np.testing.assert_allclose(graph.labels.value(), after, rtol=1e-5)


@pytest.mark.parametrize(("alpha", "corrected"), [(0.0, True), (0.05, True), (0.4, False)])
def test_a_label_gives_in_to_a_sure_network_unless_alpha_forbids_it(alpha, corrected):
    base = losses.scheduled(losses.get("cross_entropy"))
    state = PENCIL(alpha=alpha).build(base, Problem(np.array([1]), 4, 320))
    batch = {"row": tf.constant([0]), "passed": tf.constant(0.5)}
    for _ in range(200):
        state.loss(batch, tf.one_hot([1], 4), tf.constant([[9.0, 0, 0, 0]]))
    y = _softmax(state.labels.value())[0]
    assert (y.argmax() == 0) == corrected
    if alpha:
        expected = (alpha * 4 * np.eye(4)[1] + _softmax(np.array([[9.0, 0, 0, 0]]))[0]) / (alpha * 4 + 1)
        np.testing.assert_allclose(y, expected, atol=0.02)


def test_the_learning_rate_is_the_papers():
    """0.06 to epoch 200, then 0.2, 0.02 and 0.002 for 40 epochs each; it climbs to that in the first fiftieth."""
    shape = _state().learning_rate()
    rates = [0.06 * float(shape(tf.constant(epoch / 320))) for epoch in (7, 70, 199, 201, 239, 241, 279, 281, 320)]
    np.testing.assert_allclose(rates, [0.06] * 3 + [0.2] * 2 + [0.02] * 2 + [0.002] * 2, rtol=1e-5)
    assert [float(shape(tf.constant(p))) for p in (0.0, 0.01)] == pytest.approx([0, 0.5])
    later = PENCIL(first=0.3, second=0.7).build(None, Problem(GIVEN, 4)).learning_rate()
    assert [float(later(tf.constant(p))) for p in (0.69, 0.71, 0.81, 0.91)] == pytest.approx(
        [1, 10 / 3, 1 / 3, 1 / 30]
    )


def test_the_table_is_the_distributions():
    state = _state()
    np.testing.assert_allclose(state.label_table(), _softmax(state.labels.value()), rtol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": -1},
        {"beta": -0.1},
        {"rate": 0},
        {"first": 0.0},
        {"first": 0.7},
        {"second": 1.0},
        {"first": 0.4, "second": 0.4},
    ],
)
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="pencil with"):
        PENCIL(**settings)
