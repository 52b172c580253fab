"""`tfqnoise benchmark`."""

import dataclasses
from pathlib import Path

import tyro

from tfqnoise.run import Run


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """Time a run's exported model, its training pipeline or its training step."""

    run: tyro.conf.Positional[Path | None] = None
    """The run directory; the newest run if not given."""
    target: str = "host"
    """What to time: `host` (the exported model on this machine), `pipeline`, `step`, `penalty` or `strategies`."""
    peer: tuple[Path, ...] = ()
    """Other .tflite models to time beside the run's own."""
    repetitions: int | None = None
    """How often each is timed; the target's own number if not given."""

    def __call__(self) -> None:
        from tfqnoise.benchmark import benchmark

        benchmark(Run.open_or_newest(self.run), self.target, peers=self.peer, repetitions=self.repetitions)
