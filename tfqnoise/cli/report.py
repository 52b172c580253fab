"""`tfqnoise report`."""

import dataclasses
from pathlib import Path

import tyro

from tfqnoise.run import Run


@dataclasses.dataclass(frozen=True)
class Report:
    """Draw the figures that a run has the data for, or compare several runs."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """The run directory; the newest run if not given. Several, and those of a series (--seeds), are compared."""
    into: Path = Path("comparison")
    """Where the comparison of several runs is written."""

    def __call__(self) -> None:
        runs = [run for path in self.runs for run in Run.open_all(path)] or [Run.newest()]
        if len(runs) > 1:
            from tfqnoise.report.comparison import compare

            compare(runs, self.into)
        else:
            from tfqnoise.report import report

            report(runs[0])
