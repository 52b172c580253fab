"""A run that is killed, as the system kills: nothing is lost, and the end is the same."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--noise",
    "0.4",
    "--bits",
    "8",
    "--epochs",
    "4",
    "--batch-size",
    "32",
    "--width",
    "0.25",
    "--strategy",
    "elr",
]


def _train(*flags):
    command = [sys.executable, ROOT / "scripts" / "train.py", *flags]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _epochs(path):
    metrics = path / "metrics.jsonl"
    return len(metrics.read_text().splitlines()) if metrics.exists() else 0


@pytest.mark.parametrize(
    "more",
    [
        [],
        # Whatever changes during a run: what pictures become, how strongly, and the network.
        pytest.param(
            [
                "--augmentation",
                "rand_augment",
                "--magnitude-schedule",
                "falling",
                "--pruning-ratio",
                "0.5",
                "--pruning-steps",
                "2",
                "--strategy",
                "plain",
                "--epochs",
                "6",
            ],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_kill_in_the_middle_of_an_epoch_changes_no_bit(tmp_path, more):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    uninterrupted = _train(*FLAGS, *more, "--run-dir", whole)
    process = _train(*FLAGS, *more, "--run-dir", killed)
    while _epochs(killed) < 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    # An epoch takes some tenths of a second: this is inside the third.
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "summary.json").exists()
    resumed = _train("--resume", "--run-dir", killed)
    for process in (uninterrupted, resumed):
        assert process.wait() == 0, process.stderr.read()
    weights = []
    for path in (whole, killed):
        with np.load(path / "weights.npz") as arrays:
            weights.append([arrays[name] for name in arrays.files])
        assert _epochs(path) == (6 if more else 4)
        assert (path / "summary.json").exists()
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
