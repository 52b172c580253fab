"""Figures from what a run has written. Nothing here needs TensorFlow.

A figure is a function (run) -> matplotlib Figure, or None where the run has nothing to show.
"""

import io
from collections.abc import Callable
from pathlib import Path

from tfqnoise.errors import RunError
from tfqnoise.registry import Registry
from tfqnoise.run import Run

registry = Registry("figure", __name__)
register, get = registry.register, registry.get


def report(run: Run, *, report: Callable[[str], None] = print) -> list[Path]:
    """Draws every figure that a run has the data for into `report/` and returns the files.

    Args:
        run: a run that has finished at least one epoch.
        report: takes each message.

    Raises:
        RunError: if the run has nothing to draw, or a file of it is damaged.
    """
    paths = []
    for name in registry.entries():
        figure = get(name)(run)
        if figure is not None:
            drawn = io.BytesIO()
            figure.savefig(drawn, format="png", dpi=120)
            paths.append(run.write_bytes(f"report/{name}.png", drawn.getvalue()))
            report(str(paths[-1]))
    if not paths:
        raise RunError(
            f"{run.path} has nothing to draw",
            "a run that has finished an epoch",
            f"go on with it: python scripts/train.py --resume --run-dir {run.path}",
        )
    return paths
