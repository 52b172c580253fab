import numpy as np

from tfqnoise.backend import tf
from tfqnoise.training.dynamics import Dynamics


def test_sums_of_margins_and_losses_by_example():
    random = np.random.default_rng(0)
    dynamics = Dynamics(6)
    margins, losses, seen = np.zeros(6), np.zeros(6), np.zeros(6)
    for _ in range(5):
        rows = random.permutation(6)[:3]
        labels = random.integers(0, 4, 3)
        logits = random.normal(size=(3, 4)).astype(np.float32)
        dynamics.update({"row": tf.constant(rows), "label": tf.constant(labels)}, tf.constant(logits))
        for row, label, z in zip(rows, labels, logits, strict=True):
            margins[row] += z[label] - np.delete(z, label).max()
            losses[row] += np.log(np.exp(z).sum()) - z[label]
            seen[row] += 1
    np.testing.assert_allclose(dynamics.margins.value(), margins, atol=1e-5)
    np.testing.assert_allclose(dynamics.losses.value(), losses, atol=1e-5)
    np.testing.assert_array_equal(dynamics.seen.value(), seen)
    dynamics.update({"row": tf.constant([0]), "label": tf.constant([0])}, None)
    assert dynamics.seen.value()[0] == seen[0] + 1
    np.testing.assert_allclose(dynamics.margins.value(), margins, atol=1e-5)


def test_a_run_tells_wrong_labels_by_their_margins(trained):
    examples = trained.read_arrays("examples.npz")
    assert (examples["seen"] > 0).all()
    wrong = examples["given"] != examples["source"]
    confusion = np.array(trained.read_json("confusion.json")["confusion_matrix"])
    accuracy = trained.read_json("summary.json")["test_accuracy_last"]
    assert confusion.trace() / confusion.sum() == accuracy
    assert 0.3 < wrong.mean() < 0.42
    assert examples["margin"][wrong].mean() < examples["margin"][~wrong].mean() - 1
    assert examples["loss"][wrong].mean() > examples["loss"][~wrong].mean() + 0.3
