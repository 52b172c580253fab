import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfqnoise import Recipe, strategies
from tfqnoise.errors import BackendError, UsageError
from tfqnoise.training.replicas import Replicas
from tfqnoise.training.train import train

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("two_replicas.py")


def _found(folder, *names):
    """What a process with logical devices found out."""
    # A script's own folder is on the path, not the one it is started in.
    own = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, SCRIPT, folder, *names], env=own, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "found.json").read_text())


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return _found(tmp_path_factory.mktemp("replicas"))


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
    assert run["differing"] == []
    # Another processor adds up otherwise, which so short a run shows.
    assert run["summary"]["test_accuracy_last"] > 0.5
    assert run["agreement"]["top1_agreement"] >= 0.99
    assert run["agreement"]["float_tensors"] == []
    # 4 epochs of 40 batches of 32; every example belongs to one replica, which saw none of the other's.
    assert sum(run["seen"]) == 4 * 40 * 32
    assert max(run["seen"]) == 4
    assert run["checkpoint"] == ["strategy/0000/label_logits_shard0", "strategy/0001/label_logits_shard1"]
    assert "2 replicas on as many logical devices of the processor: there are 0 GPUs" in run["said"]


def test_what_leaves_no_trace_changes_no_bit_of_any_replica(found):
    # The mean of three equal numbers is often another one.
    assert found["changed"] == 0


def test_the_gradient_of_a_learned_step_does_not_depend_on_the_number_of_replicas(found):
    one, two = found["gradients"]
    assert abs(one) > 0.1
    assert two == pytest.approx(one, rel=1e-5)


@pytest.mark.slow
def test_every_strategy_but_one_resumes_exactly_on_two_replicas(tmp_path):
    entries = strategies.registry.entries()
    alone = [name for name in entries if getattr(strategies.registry.entry(name).factory, "single_device", False)]
    assert alone == ["dividemix"]
    shared = [name for name in entries if name not in alone]
    assert _found(tmp_path, *shared) == {name: [] for name in shared}


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
        ({"trusted": "1", "noise": 0.4, "replicas": 8, "batch_size": 16}, "a batch of 10 of 10 trusted labels for 8"),
        ({"batch_size": 2}, "a batch of 2 of .* two pictures for each.* larger --batch-size"),
    ],
)
def test_what_cannot_be_shared_is_refused(tmp_path, silent, settings, message):
    with pytest.raises(UsageError, match=f"(?s){message}"):
        train(Recipe(**{"replicas": 2, **settings}), tmp_path / "run", report=silent)
