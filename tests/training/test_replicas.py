import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfqnoise import Recipe
from tfqnoise.errors import BackendError, UsageError
from tfqnoise.training.replicas import Replicas
from tfqnoise.training.train import train

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("two_replicas.py")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a process with two logical devices found out."""
    folder = tmp_path_factory.mktemp("replicas")
    done = subprocess.run([sys.executable, SCRIPT, folder], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "found.json").read_text())


@pytest.mark.parametrize("what", ["weights", "weight averages", "averaged network", "table", "dynamics", "loss"])
def test_steps_of_two_replicas_are_those_of_one_on_the_whole_batch(found, what):
    # With a penalty, a mask and decay: each counts once.
    assert found["equivalence"][what] < 1e-5


def test_replicas_change_rows_of_their_own_alone(found):
    wanted = np.arange(14.0).reshape(7, 2)
    wanted[[0, 4, 3, 5]] *= -1
    wanted[[0, 3]] += 100
    np.testing.assert_array_equal(found["tables"]["value"], wanted)
    assert found["tables"]["devices"] == ["CPU:0", "CPU:1"]


def test_a_run_learns_resumes_to_the_same_bits_and_exports(found):
    run = found["run"]
    assert run["killed"] == 1
    assert run["differing"] == []
    assert run["summary"]["test_accuracy_last"] > 0.7
    assert run["agreement"]["top1_agreement"] >= 0.995
    assert run["agreement"]["float_tensors"] == []
    # 4 epochs of 40 batches of 32; every example belongs to one replica, which saw none of the other's.
    assert sum(run["seen"]) == 4 * 40 * 32
    assert max(run["seen"]) == 4
    assert run["checkpoint"] == ["strategy/0000/label_logits_shard0", "strategy/0001/label_logits_shard1"]
    assert "2 replicas on as many logical devices of the processor: there are 0 GPUs" in run["said"]


def test_one_replica_enters_nothing():
    replicas = Replicas(1)
    batches = object()
    with replicas.scope():
        assert replicas.feed(batches) is batches
    assert replicas.devices == ()


def test_too_few_devices_are_refused(tmp_path, silent):
    with pytest.raises(BackendError, match=r"backend\.reserve\(3\) before anything uses TensorFlow"):
        train(Recipe(replicas=3, batch_size=6), tmp_path / "run", report=silent)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "dividemix"}, "dividemix with --replicas 2"),
        ({"trusted": "1", "noise": 0.4, "replicas": 16, "batch_size": 16}, "10 trusted labels"),
    ],
)
def test_what_cannot_be_shared_is_refused(tmp_path, silent, settings, message):
    with pytest.raises(UsageError, match=message):
        train(Recipe(**{"replicas": 2, **settings}), tmp_path / "run", report=silent)
