"""`tfqnoise report`."""

import dataclasses
from pathlib import Path

import tyro

from tfqnoise.run import Run


@dataclasses.dataclass(frozen=True)
class Report:
    """Draw the figures that a run has the data for, or compare several runs."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """The run directory; the newest run if not given. Several are compared."""
    into: Path = Path("comparison")
    """Where the comparison of several runs is written."""

    def __call__(self) -> None:
        if len(self.runs) > 1:
            from tfqnoise.report.comparison import compare

            compare([Run.open(path) for path in self.runs], self.into)
        else:
            from tfqnoise.report import report

            report(Run.open_or_newest(self.runs[0] if self.runs else None))
