import numpy as np
import pytest

from tfqnoise.backend import tf
from tfqnoise.strategies.selection import LossTable, clean_probability, mean_of, smallest


def _two_groups(low=300, high=100):
    random = np.random.default_rng(0)
    return np.concatenate([random.normal(0.4, 0.1, low), random.normal(3, 0.5, high)])


def _expectation_maximisation(losses):
    """The paper's mixture written out: losses scaled to [0, 1], 5e-4 added to each variance."""
    x = (losses - losses.min()) / (losses.max() - losses.min())
    means, variances, shares = np.array([0.0, 1.0]), np.array([0.05, 0.05]), np.array([0.5, 0.5])
    for _ in range(500):
        density = shares * np.exp(-((x[:, None] - means) ** 2) / 2 / variances) / np.sqrt(2 * np.pi * variances)
        part = density / density.sum(axis=1, keepdims=True)
        shares = part.mean(axis=0)
        means = (part * x[:, None]).sum(axis=0) / part.sum(axis=0)
        variances = (part * (x[:, None] - means) ** 2).sum(axis=0) / part.sum(axis=0) + 5e-4
    return part[:, np.argmin(means)]


def test_two_clear_groups_are_told_apart():
    probability = clean_probability(_two_groups())
    assert probability[:300].min() > 0.98
    assert probability[300:].max() < 0.02
    # Few right labels too are those with the lower losses.
    few = clean_probability(_two_groups(40, 360))
    assert few[:40].min() > 0.9
    assert few[40:].max() < 0.1


def test_probabilities_are_those_of_the_mixture():
    random = np.random.default_rng(1)
    losses = np.concatenate([random.gamma(2, 0.2, 700), random.normal(2.2, 0.5, 300)])
    expected = _expectation_maximisation(losses)
    assert np.mean((expected > 0.1) & (expected < 0.9)) > 0.02
    np.testing.assert_allclose(clean_probability(losses), expected, atol=0.05)
    np.testing.assert_allclose(clean_probability(7 * losses + 3), clean_probability(losses), atol=1e-6)


def test_the_order_of_examples_does_not_matter():
    random = np.random.default_rng(2)
    losses = np.concatenate([random.gamma(2, 0.3, 300), random.normal(2.5, 0.6, 100)])
    order = random.permutation(400)
    one = clean_probability(losses, seed=3)
    np.testing.assert_array_equal(clean_probability(losses, seed=3), one)
    np.testing.assert_allclose(clean_probability(losses[order], seed=3), one[order], atol=0.02)
    np.testing.assert_allclose(clean_probability(losses, seed=4), one, atol=0.02)


@pytest.mark.parametrize("losses", [[1.7] * 5, [0.3], [0.0, 1e-9], []])
def test_equal_losses_are_all_of_right_labels(losses):
    np.testing.assert_array_equal(clean_probability(np.array(losses)), np.ones(len(losses)))


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_loss_that_is_no_number_is_of_a_wrong_label_and_spoils_no_other(bad):
    losses = _two_groups()
    probability = clean_probability(np.insert(losses, 5, bad))
    assert probability[5] == 0
    np.testing.assert_allclose(np.delete(probability, 5), clean_probability(losses), atol=1e-9)
    np.testing.assert_array_equal(clean_probability(np.full(4, bad)), np.zeros(4))
    np.testing.assert_array_equal(clean_probability(np.array([bad, 1.0, 1.0])), [0, 1, 1])


def test_what_is_kept_falls_from_all_to_the_right_share():
    table = LossTable(20, 0.4, 0)
    passed = (0.0, 0.125, 0.25, 0.5, 0.75, 1.0)
    assert [int(table.kept(20, tf.constant(p), 0.5)) for p in passed] == [20, 18, 16, 12, 12, 12]
    assert int(LossTable(20, 0.99, 0).kept(20, 1.0, 0.5)) == 1
    assert int(LossTable(20, 0.0, 0).kept(20, 1.0, 0.5)) == 20


def test_the_rate_is_estimated_from_the_losses_that_were_seen():
    """Examples that no batch has had yet have no loss, and so no part in the rate."""
    losses = _two_groups(300, 100)
    table = LossTable(1000, None, 0)
    table.begin_epoch()
    assert float(table.estimate) == 0
    rows = np.random.default_rng(0).permutation(1000)[:400]
    table.note(tf.constant(rows), tf.constant(losses, tf.float32))
    table.begin_epoch()
    assert float(table.estimate) == pytest.approx(0.25, abs=0.01)
    # The latest loss counts: half of the hard ones have become easy.
    table.note(tf.constant(rows[300:350]), tf.constant(losses[:50], tf.float32))
    table.begin_epoch()
    assert float(table.estimate) == pytest.approx(0.125, abs=0.01)


def test_a_known_rate_stays():
    table = LossTable(400, 0.1, 0)
    table.note(tf.range(400), tf.constant(_two_groups(), tf.float32))
    table.begin_epoch()
    assert float(table.estimate) == np.float32(0.1)


def test_the_smallest_are_exactly_so_many():
    losses = np.array([3.0, 1, 2, 1, 5, 1], np.float32)
    np.testing.assert_array_equal(smallest(losses, 2), [0, 1, 0, 1, 0, 0])
    np.testing.assert_array_equal(smallest(losses, 4), [0, 1, 1, 1, 0, 1])
    np.testing.assert_array_equal(smallest(losses, 6), np.ones(6))


def test_the_mean_is_over_the_chosen():
    losses = tf.constant([3.0, 1, 2, 8])
    with tf.GradientTape() as tape:
        tape.watch(losses)
        value = mean_of(losses, tf.constant([1.0, 0, 0, 1]))
    assert float(value) == 5.5
    np.testing.assert_array_equal(tape.gradient(value, losses), [0.5, 0, 0, 0.5])
    assert float(mean_of(losses, tf.zeros(4))) == 0
