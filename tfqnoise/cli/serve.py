"""`tfqnoise serve`."""

import dataclasses
import functools
from pathlib import Path

import tyro


@dataclasses.dataclass(frozen=True)
class Serve:
    """Open a run's exported model to a browser on this machine or on a phone, and keep what it measures."""

    run: tyro.conf.Positional[Path | None] = None
    """The run directory, exported with --target browser; the newest run if not given."""
    port: int = 8000
    """The port; 0 for any free one."""
    host: str = "0.0.0.0"
    """The address to listen on: all of this machine's, or 127.0.0.1 to be seen from nowhere else."""

    def __call__(self) -> None:
        from tfqnoise.benchmark.page.serving import serve
        from tfqnoise.export.subject import Subject

        # Whoever reads it through a pipe wants the address now, not when it ends.
        report = functools.partial(print, flush=True)
        serve(Subject.of(self.run).whole_run("serve"), self.host, self.port, report)
