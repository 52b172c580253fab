"""The command line: `tfqnoise train|audit|export|benchmark|report|list`; scripts/*.py are the same commands.

Flags are the fields of the dataclasses below, read by tyro. Nothing here imports TensorFlow before a command
does its work.
"""

import dataclasses
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from tfqnoise.errors import TfqnoiseError, UsageError, did_you_mean
from tfqnoise.recipe import Recipe
from tfqnoise.run import Run

_FAMILIES = {
    "activation_quantizers": "tfqnoise.compression.quantization.activations",
    "audit": "tfqnoise.audit",
    "augmentation": "tfqnoise.augmentation",
    "benchmark": "tfqnoise.benchmark",
    "data": "tfqnoise.data.source",
    "figures": "tfqnoise.report",
    "initialisations": "tfqnoise.compression.clustering.initialisations",
    "losses": "tfqnoise.losses",
    "networks": "tfqnoise.networks",
    "noise": "tfqnoise.noise",
    "penalties": "tfqnoise.compression.clustering.penalties",
    "penalty_schedules": "tfqnoise.compression.clustering.schedules",
    "quantizers": "tfqnoise.compression.quantization.weights",
    "strategies": "tfqnoise.strategies",
}


@dataclasses.dataclass(frozen=True)
class Train:
    """Train a network on labels that can't be trusted, compressing it while it learns."""

    settings: tyro.conf.OmitArgPrefixes[Recipe]
    recipe: Path | None = None
    """A saved recipe (a run's recipe.json) to start from; other flags override it."""
    run_dir: Path | None = None
    """Where the run is kept; runs/<time>-<dataset>-<network> if not given."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on with the run in --run-dir (the newest if not given) where it was stopped or killed."""
    seeds: int = 1
    """Train with so many seeds, from --seed on, and report mean and range; each run is kept in --run-dir/seed<n>."""
    baseline: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Train cross-entropy without strategy beside it, with the same schedule and seeds."""
    all_folds: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Train on each fold of a data set that comes with folds and report their mean; --run-dir/fold<k>-seed<n>."""

    @staticmethod
    def default(arguments: Sequence[str]) -> "Train":
        """Returns what flags override: the saved recipe, or when resuming the run's own."""
        early = _Early.parse(arguments)
        if early.recipe is not None:
            return Train(Recipe.load(early.recipe), Path(early.recipe))
        several = Path(early.run_dir or "") / "seeds.json"
        if early.resume and early.run_dir and several.exists():
            begun = Run(several.parent).read_json(several.name)
            with Run(several.parent).expecting(several.name):
                recipe = Recipe.from_dict(begun["recipe"])
                flags = (begun["seeds"], begun["baseline"], begun["all_folds"])
                return Train(recipe, None, several.parent, False, *flags)
        if early.resume:
            run = Run.open(early.run_dir) if early.run_dir else Run.newest()
            return Train(run.recipe, None, run.path)
        return Train(Recipe())

    def __call__(self) -> None:
        if not self.resume:
            # Before TensorFlow is loaded, which takes seconds.
            Run.refuse_existing(self.run_dir)
        begun = bool(self.resume and self.run_dir and (self.run_dir / "seeds.json").exists())
        if self.seeds != 1 or self.baseline or self.all_folds or begun:
            from tfqnoise.training.seeds import train_seeds

            train_seeds(
                self.settings,
                self.run_dir,
                seeds=self.seeds,
                baseline=self.baseline,
                all_folds=self.all_folds,
                resume=self.resume,
            )
            return
        from tfqnoise.training.train import train

        train(self.settings, self.run_dir, resume=self.resume)


@dataclasses.dataclass
class _Early:
    """The flags that must be known before the defaults of the others are."""

    recipe: str | None = None
    run_dir: str | None = None
    resume: bool = False

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> "_Early":
        found = cls(resume="--resume" in arguments)
        for position, argument in enumerate(arguments):
            flag, equals, value = argument.partition("=")
            name = flag.removeprefix("--").replace("-", "_")
            if flag.startswith("--") and name in ("recipe", "run_dir"):
                following = arguments[position + 1 : position + 2]
                setattr(found, name, value if equals else next(iter(following), None))
        return found


@dataclasses.dataclass(frozen=True)
class Audit:
    """Find labels that are probably wrong: of a run, or of a data set, for which networks are trained first."""

    settings: tyro.conf.OmitArgPrefixes[Recipe]
    subject: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="RUN|DATA")] = None
    """A run directory, or a data set as --dataset takes it, such as folder:photos; the newest run if not given. A
    run is audited by its own recipe: the flags of training are for a data set."""
    folds: int | None = None
    """Train so many networks (2 to 20), each without one part of the labels, which it then judges. Without it a
    run's labels are judged by how they fared in its training; a data set takes 4."""
    method: str = "auto"
    """The method (`tfqnoise list audit`); `auto` takes the best that there is evidence for."""
    recipe: Path | None = None
    """For a data set: a saved recipe to start from; other flags override it."""
    run_dir: Path | None = None
    """For a data set: where the run is kept; runs/<time>-<dataset>-audit if not given."""

    @staticmethod
    def default(arguments: Sequence[str]) -> "Audit":
        """Returns what flags override: the saved recipe."""
        early = _Early.parse(arguments)
        return Audit(Recipe.load(early.recipe) if early.recipe else Recipe())

    def __call__(self) -> None:
        subject = self._subject()
        from tfqnoise.audit import audit

        audit(subject, folds=self.folds, method=self.method, run_dir=self.run_dir)

    def _subject(self) -> Run | Recipe:
        name = self.subject
        if name is not None and not Path(name, "recipe.json").is_file():
            if Path(name).is_dir() or name.startswith((".", "/", "runs/")):
                raise UsageError(
                    f"{name} is no run (it has no recipe.json) and no data set",
                    "a directory made by train, or a data set as --dataset takes it",
                    f"for a folder of pictures, one sub-folder a class, write folder:{name}",
                )
            return dataclasses.replace(self.settings, dataset=name)
        if name is None and self.recipe is not None:
            return self.settings
        run = _run(Path(name) if name else None)
        usual = Recipe().to_dict()
        given = [flag for flag, value in self.settings.to_dict().items() if value != usual[flag]]
        given += [flag for flag in ("recipe", "run_dir") if getattr(self, flag) is not None]
        if given:
            flags = ", ".join(f"--{flag.replace('_', '-')}" for flag in given)
            raise UsageError(
                f"{flags} with the run {run.path}, which has a recipe of its own",
                "these flags with a data set only",
                "leave them out, or name a data set: tfqnoise audit folder:photos",
            )
        return run


@dataclasses.dataclass(frozen=True)
class Export:
    """Export a run as a fully-integer TFLite model and prove that it answers like the trained network."""

    run: tyro.conf.Positional[Path | None] = None
    """The run directory; the newest run if not given."""
    io: str = "int8"
    """Type of input and output: `int8` (pixel - 128) or `uint8` (the pixel itself)."""
    storage: str = "narrowest"
    """Type of the weights: `narrowest` (INT2 or INT4 where they fit and LiteRT executes it), `int4` or `int8`.
    The values are the same; convolutions run faster in int8."""
    examples: int | None = None
    """Test pictures to compare on; all of them if not given."""

    def __call__(self) -> None:
        from tfqnoise.export import export

        export(_run(self.run), io=self.io, storage=self.storage, examples=self.examples)


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

        benchmark(_run(self.run), self.target, peers=self.peer, repetitions=self.repetitions)


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

            report(_run(self.runs[0] if self.runs else None))


@dataclasses.dataclass(frozen=True)
class List:
    """List the registered methods, of one family or of all."""

    family: tyro.conf.Positional[str | None] = None
    """The family; all families if not given."""

    def __call__(self) -> None:
        if self.family is not None and self.family not in _FAMILIES:
            raise UsageError(
                f"unknown family '{self.family}'", "a family of methods", did_you_mean(self.family, _FAMILIES)
            )
        for family in [self.family] if self.family else _FAMILIES:
            print(f"{family}:")
            for entry in importlib.import_module(_FAMILIES[family]).registry.entries().values():
                settings = ", ".join(f"{name}={value!r}" for name, value in entry.settings.items())
                print(f"  {entry.name}{f' ({settings})' if settings else ''}: {entry.summary}")
                if entry.reference != "-":
                    print(f"      {entry.reference}")


COMMANDS: dict[str, type] = {
    "train": Train,
    "audit": Audit,
    "export": Export,
    "benchmark": Benchmark,
    "report": Report,
    "list": List,
}


def _run(path: Path | None) -> Run:
    return Run.open(path) if path else Run.newest()


def run_command(name: str, arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Runs one command and returns the exit code: 0, or 2 for what the user can mend.

    Args:
        name: a key of `COMMANDS`.
        arguments: its flags; those of the process if not given.
        prog: the program's name in messages.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    return _guarded(lambda: _parse(COMMANDS[name], arguments, prog)())


def _parse(command: type, arguments: Sequence[str], prog: str | None) -> Any:
    helping = {"-h", "--help"} & set(arguments)
    default = command.default(() if helping else arguments) if hasattr(command, "default") else None
    return tyro.cli(
        command,
        args=list(arguments),
        prog=prog,
        **({} if default is None else {"default": default}),
    )


def _guarded(action: Callable[[], None]) -> int:
    try:
        action()
        sys.stdout.flush()
    except TfqnoiseError as error:
        print(f"tfqnoise: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            "tfqnoise: interrupted; a run that has begun goes on with train --resume --run-dir RUN, the folds of an "
            "audit with audit RUN --folds K",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        # Whatever library met it: a full disk or a directory without permission is not a defect.
        print(
            f"tfqnoise: {error}\n  expected: files and directories that can be read and written\n"
            "  what to do: check that the disk has room and that you may use the path",
            file=sys.stderr,
        )
        return 2
    return 0


def main() -> None:
    """The entry point `tfqnoise`."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: tfqnoise COMMAND [flags]\n")
        for name, command in COMMANDS.items():
            print(f"  {name:<10} {(command.__doc__ or '').splitlines()[0]}")
        print("\n`tfqnoise COMMAND --help` lists the flags of a command.")
        sys.exit(0 if arguments else 2)
    name = arguments[0]
    if name not in COMMANDS:
        error = UsageError(f"unknown command '{name}'", "a command", did_you_mean(name, COMMANDS))
        print(f"tfqnoise: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(run_command(name, arguments[1:], prog=f"tfqnoise {name}"))
