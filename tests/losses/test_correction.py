import json

import numpy as np
import pytest

from tfqnoise import losses
from tfqnoise.errors import DataError, UsageError

ROWS = [[0.9, 0.1, 0.0], [0.0, 0.8, 0.2], [0.3, 0.0, 0.7]]
LOGITS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
LABELS = np.eye(3, dtype=np.float32)[np.arange(6) % 3]


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_a_file_and_its_rows_mean_the_same(name, tmp_path):
    path = tmp_path / "noise.json"
    path.write_text(json.dumps({"transition_matrix": ROWS}))
    from_file, direct = losses.get({"name": name, "matrix": str(path)}), losses.get({"name": name, "matrix": ROWS})
    assert from_file == direct
    assert hash(from_file) == hash(direct)
    path.unlink()
    again = losses.get(json.dumps(losses.registry.to_dict(from_file)))
    np.testing.assert_array_equal(again(LABELS, LOGITS), direct(LABELS, LOGITS))


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_the_identity_is_cross_entropy(name):
    for logits in (LOGITS, np.array([[1e4, 0, -1e4]] * 6, np.float32)):
        corrected = losses.get({"name": name, "matrix": np.eye(3).tolist()})(LABELS, logits)
        np.testing.assert_allclose(corrected, losses.get("cross_entropy")(LABELS, logits), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_no_matrix_is_refused_with_the_way_to_give_one(name):
    with pytest.raises(UsageError, match=f'"name": "{name}", "matrix": "RUN/audit/summary.json"'):
        losses.get(name)
    with pytest.raises(UsageError, match="estimated_transition"):
        losses.get({"name": name, "matrix": []})


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_what_is_no_transition_matrix_is_refused(name, tmp_path):
    with pytest.raises(DataError, match=f"the matrix of {name} whose row 1"):
        losses.get({"name": name, "matrix": [[1, 0], [0.5, 0.2]]})
    with pytest.raises(DataError, match=r"missing\.json"):
        losses.get({"name": name, "matrix": str(tmp_path / "missing.json")})


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_another_number_of_classes_is_refused(name):
    loss = losses.get({"name": name, "matrix": ROWS})
    with pytest.raises(UsageError, match="a matrix of 3 classes for a network of 4"):
        loss(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32))
