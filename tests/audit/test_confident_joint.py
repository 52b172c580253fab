import numpy as np
import pytest

from tfqnoise.audit import confident_joint

# Mean self-confidence: class 0 (0.9 + 0.7 + 0.2) / 3 = 0.6, class 1 (0.8 + 0.6 + 0.4) / 3 = 0.6.
GIVEN = np.array([0, 0, 0, 1, 1, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.2, 0.8], [0.4, 0.6], [0.6, 0.4]])


def test_against_a_joint_by_hand():
    confident = confident_joint.confident_classes(GIVEN, PROBABILITIES)
    assert confident.tolist() == [0, 0, 1, 1, 1, 0]
    joint = confident_joint.counted(GIVEN, confident, 2)
    np.testing.assert_array_equal(joint, [[2, 1], [1, 2]])
    np.testing.assert_allclose(confident_joint.calibrated(joint, GIVEN), [[2, 1], [1, 2]])


def test_below_all_thresholds_nobody_is_confident():
    given, even = np.array([0, 1, 0]), np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]])
    assert confident_joint.confident_classes(given, even).tolist() == [0, 1, -1]


def test_a_class_without_labels_is_nobodys():
    given = np.array([0, 1])
    probabilities = np.array([[0.2, 0.1, 0.7], [0.1, 0.2, 0.7]])
    confident = confident_joint.confident_classes(given, probabilities)
    assert confident.tolist() == [0, 1]
    joint = confident_joint.calibrated(confident_joint.counted(given, confident, 3), given)
    np.testing.assert_array_equal(joint, np.diag([1.0, 1, 0]))


@pytest.mark.parametrize("classes", [2, 5, 10])
def test_against_cleanlab(classes):
    count = pytest.importorskip("cleanlab.count")
    random = np.random.default_rng(classes)
    true = random.integers(0, classes, 500)
    given = np.where(random.random(500) < 0.3, random.integers(0, classes, 500), true)
    logits = 2 * random.normal(size=(500, classes)) + 2 * np.eye(classes)[true]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    confident = confident_joint.confident_classes(given, probabilities)
    joint = confident_joint.counted(given, confident, classes)
    theirs = count.compute_confident_joint(given, probabilities, calibrate=False)
    np.testing.assert_array_equal(joint, theirs)
    # Theirs is rounded to whole examples.
    whole = count.compute_confident_joint(given, probabilities, calibrate=True)
    np.testing.assert_allclose(confident_joint.calibrated(joint, given), whole, atol=1)
