import csv
import dataclasses

import numpy as np

from tfqnoise import Recipe, Run, label_file, matrix
from tfqnoise.audit import result
from tfqnoise.audit.evidence import Evidence, Scores

NAMES = ("cat", "dog, small", "owl")
EVIDENCE = Evidence(np.array(["a", "b", "c", "d"]), np.array([0, 1, 2, 0]), NAMES)
SCORES = Scores(
    np.array([0.2, 0.9, 0.2, 0.7]), np.array([False, True, False, True]), np.array([0, 2, 2, 1], np.int64)
)


def test_the_worst_come_first_and_ties_by_id(tmp_path):
    run = Run(tmp_path)
    assert result.write_table(run, Recipe(), EVIDENCE, SCORES) == 0
    with open(tmp_path / "audit" / "audit.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["id", "given", "suggested", "score", "flagged"],
        ["b", "dog, small", "owl", "0.9", "1"],
        ["d", "cat", "dog, small", "0.7", "1"],
        ["a", "cat", "cat", "0.2", "0"],
        ["c", "owl", "owl", "0.2", "0"],
    ]
    assert label_file.read(str(tmp_path / "audit" / "audit.csv"), NAMES) == {"b": 2, "d": 1}


def test_earlier_corrections_stay_unless_they_are_flagged(tmp_path):
    """a and z (a validation picture, which wasn't audited) were corrected before, and d is corrected again."""
    earlier = tmp_path / "earlier.csv"
    earlier.write_text("id,label\na,cat\nd,cat\nz,owl\n")
    recipe = dataclasses.replace(Recipe(), labels=str(earlier))
    assert result.write_table(Run(tmp_path), recipe, EVIDENCE, SCORES) == 2
    labels = label_file.read(str(tmp_path / "audit" / "audit.csv"), NAMES)
    assert labels == {"a": 0, "b": 2, "d": 1, "z": 2}


def test_transition_of_a_joint():
    joint = np.array([[6.0, 2, 0], [2, 8, 0], [0, 0, 0]])
    found = result.transition(joint)
    np.testing.assert_allclose(found, [[0.75, 0.25, 0], [0.2, 0.8, 0], [0, 0, 1]])
    np.testing.assert_allclose(matrix.checked(found.tolist(), "-"), found)


def test_without_a_joint_of_its_own_the_corrections_are_counted():
    joint = result.joint_of(EVIDENCE, SCORES)
    np.testing.assert_array_equal(joint, [[1, 1, 0], [0, 0, 1], [0, 0, 1]])
    found = result.summary(Recipe(), {"name": "-"}, 0, EVIDENCE, SCORES, {})
    assert found["estimated_noise_rate"] == 0.5
    assert found["true_noise_rate"] is None
