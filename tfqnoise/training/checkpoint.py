"""Where a run goes on."""

from typing import Any

import numpy as np

from tfqnoise.errors import RunError
from tfqnoise.run import Run

FILE = "checkpoint.npz"


def read(run: Run) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]] | None:
    """Returns the arrays of a run's checkpoint and the records of the epochs until then; None if there is none.

    Raises:
        RunError: if they don't belong together, or a file is damaged.
    """
    if not (run.path / FILE).exists():
        return None
    checkpoint = run.read_arrays(FILE)
    if "epoch" not in checkpoint:
        raise RunError(
            f"{run.path / FILE} has no epoch",
            "a checkpoint of tfqnoise",
            "restore it from a copy, or train again into another --run-dir",
        )
    rows = run.read_lines("metrics.jsonl")[: int(checkpoint["epoch"])]
    if len(rows) < int(checkpoint["epoch"]):
        raise RunError(
            f"{run.path / 'metrics.jsonl'} has {len(rows)} epochs, the checkpoint {checkpoint['epoch']}",
            "a line for each epoch of the checkpoint",
            "restore both from one copy, or train again into another --run-dir",
        )
    return checkpoint, rows
