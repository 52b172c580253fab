import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.backend import tf
from tfqnoise.errors import UsageError
from tfqnoise.strategies import Problem
from tfqnoise.strategies.dividemix import Dividemix
from tfqnoise.strategies.mixing import share
from tfqnoise.strategies.selection import clean_probability

RANDOM = np.random.default_rng(0)
VIEWS = RANDOM.integers(0, 256, (2, 6, 2, 2, 1), np.uint8)
GIVEN = RANDOM.integers(0, 3, 20)
ROWS = RANDOM.permutation(20)[:6]
LABELS = np.eye(3, dtype=np.float32)[GIVEN[ROWS]]
KERNELS = RANDOM.normal(size=(2, 4, 3)) / 100
# Of each network's opinion three labels are right, other three.
CLEAN = np.array([[0.9, 0.2, 0.7, 0.1, 0.6, 0.3], [0.1, 0.8, 0.95, 0.4, 0.2, 0.55]])


def _softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _sharpened(p, temperature):
    powered = p ** (1 / temperature)
    return powered / powered.sum(axis=-1, keepdims=True)


def _state(**settings):
    state = Dividemix(**settings).build(losses.scheduled(losses.get("cross_entropy")), Problem(GIVEN, 3, 10))
    clean = np.ones((2, 20))
    clean[:, ROWS] = CLEAN
    state.clean.assign(clean)
    return state


def _batch(passed, number):
    return {
        "image": tf.constant(VIEWS[0]),
        "views": (tf.constant(VIEWS[1]),),
        "row": tf.constant(ROWS),
        "number": tf.constant(number, tf.int64),
        "passed": tf.constant(passed),
    }


def _outcome(state, passed, kernels=KERNELS, number=3):
    kernels = [tf.constant(each, tf.float32) for each in kernels]
    networks = [
        lambda images, training=True, k=k: tf.reshape(tf.cast(images, tf.float32), [-1, 4]) @ k for k in kernels
    ]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(kernels)
        values = state.outcome(_batch(passed, number), LABELS, networks).losses
    return [float(value) for value in values], [[tape.gradient(v, k) for k in kernels] for v in values]


def _expected(passed, number, threshold=0.5, temperature=0.5, weight=25.0, warm_up=0.2, ramp=0.1):
    """Losses of both networks and their slopes, with the targets held fast."""
    flat = VIEWS.reshape(2, 6, 4).astype(np.float64)
    answers = np.stack([_softmax(flat @ kernel) for kernel in KERNELS])
    own, guess = answers.mean(axis=1), _sharpened(answers.mean(axis=(0, 1)), temperature)
    part = float(share(_batch(passed, number), 4.0, 0))
    part = max(part, 1 - part)
    results = []
    for k in range(2):
        w = CLEAN[1 - k][:, None]
        refined = _sharpened(w * LABELS + (1 - w) * own[k], temperature)
        targets = np.tile(np.where(w > threshold, refined, guess), (2, 1))
        labelled = np.tile(CLEAN[1 - k] > threshold, 2)
        pictures = flat.reshape(12, 4)
        pictures, targets = (part * x + (1 - part) * np.roll(x, 1, axis=0) for x in (pictures, targets))

        def loss(kernel, pictures=pictures, targets=targets, labelled=labelled):
            p = _softmax(pictures @ kernel)
            supervised = -(targets * np.log(p)).sum(axis=1)[labelled].mean()
            unsupervised = ((p - targets) ** 2)[~labelled].mean()
            average = p.mean(axis=0)
            # KL(uniform || mean answer): the more unequal the classes, the larger.
            prior = (1 / 3 * np.log((1 / 3) / average)).sum()
            return supervised + weight * np.clip((passed - warm_up) / ramp, 0, 1) * unsupervised + prior

        slopes = np.zeros((4, 3))
        for place in np.ndindex(4, 3):
            step = np.zeros((4, 3))
            step[place] = 1e-6
            slopes[place] = (loss(KERNELS[k] + step) - loss(KERNELS[k] - step)) / 2e-6
        results.append((loss(KERNELS[k]), slopes))
    return results


@pytest.mark.parametrize(
    ("passed", "settings"),
    [
        (0.2, {}),
        (0.25, {}),
        (0.9, {}),
        (0.9, {"threshold": 0.75}),
        (0.9, {"temperature": 1.0, "weight": 0.0}),
        (0.5, {"warm_up": 0.4, "ramp": 0.5}),
    ],
)
def test_both_losses_are_the_papers(passed, settings):
    """Each network is told by the other which labels are right, and nobody learns through targets."""
    shares = []
    for number in (4, 7):
        values, gradients = _outcome(_state(**settings), passed, number=number)
        for k, (value, slopes) in enumerate(_expected(passed, number, **settings)):
            assert values[k] == pytest.approx(value, rel=1e-3)
            np.testing.assert_allclose(gradients[k][k], slopes, rtol=5e-3, atol=0.02 * np.abs(slopes).max())
            assert gradients[k][1 - k] is None or not np.abs(gradients[k][1 - k]).max()
        shares.append(float(share(_batch(passed, number), 4.0, 0)))
    # At least half of a mixture is the picture itself, whichever share was drawn.
    assert min(shares) < 0.45 < 0.55 < max(shares)


def test_all_answers_alike_are_penalised():
    alike, balanced = np.zeros((4, 3)), np.zeros((4, 3))
    alike[:, 0] = 0.02
    state = _state(weight=0.0)
    state.clean.assign(np.zeros((2, 20)))
    # With no label left, only the prior counts.
    assert _outcome(state, 0.9, [balanced] * 2)[0] == pytest.approx([0, 0], abs=1e-5)
    assert min(_outcome(state, 0.9, [alike] * 2)[0]) > 1


def test_while_it_warms_up_all_labels_are_learnt():
    values, _ = _outcome(_state(), 0.19)
    flat = VIEWS[0].reshape(6, 4).astype(np.float64)
    for kernel, value in zip(KERNELS, values, strict=True):
        assert value == pytest.approx(-(LABELS * np.log(_softmax(flat @ kernel))).sum(axis=1).mean(), rel=1e-4)


def test_the_warm_up_can_be_kept_unsure():
    plain, unsure = (_outcome(_state(entropy=weight), 0.1)[0] for weight in (0.0, 2.0))
    for k in range(2):
        p = _softmax(VIEWS[0].reshape(6, 4).astype(np.float64) @ KERNELS[k])
        assert unsure[k] - plain[k] == pytest.approx(2 * np.mean(np.sum(p * np.log(p), axis=1)), rel=1e-4)


def test_labels_are_judged_by_each_networks_loss_once_it_is_warm():
    state = Dividemix(warm_up=0.3).build(None, Problem(GIVEN, 3, 10, first=2))
    right = np.where(np.arange(20)[:, None] < 15, 6.0, -6.0) * np.eye(3)[GIVEN] + RANDOM.normal(0, 0.1, (20, 3))
    logits = [right, right[::-1].copy()]
    for epoch in (2, 3, 4):
        state.begin_epoch(epoch, None)
        np.testing.assert_array_equal(state.clean, np.ones((2, 20)))
    state.begin_epoch(5, lambda number: logits[number].astype(np.float32))
    for number, each in enumerate(logits):
        own = -np.log(_softmax(each))[np.arange(20), GIVEN]
        np.testing.assert_allclose(state.clean[number], clean_probability(own), atol=1e-3)
    np.testing.assert_allclose(state.clean[0], np.arange(20) < 15, atol=0.05)


@pytest.mark.parametrize(
    "settings",
    [
        {"warm_up": 0},
        {"entropy": -1.0},
        {"warm_up": 1.0},
        {"ramp": 0},
        {"threshold": 0},
        {"threshold": 1.0},
        {"temperature": 0},
        {"alpha": 0},
        {"weight": -1},
    ],
)
def test_settings_out_of_limits_are_refused(settings):
    with pytest.raises(UsageError, match="dividemix with"):
        Dividemix(**settings)
