"""The command line: `tfqnoise COMMAND`, a file each; scripts/*.py are the same commands.

Flags are the fields of the commands' dataclasses, read by tyro. Nothing here imports TensorFlow before a command
does its work.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import tyro

import tfqnoise
from tfqnoise.cli.audit import Audit
from tfqnoise.cli.benchmark import Benchmark
from tfqnoise.cli.check import Check
from tfqnoise.cli.emulate import Emulate
from tfqnoise.cli.export import Export
from tfqnoise.cli.inspect import Inspect
from tfqnoise.cli.listing import List
from tfqnoise.cli.magnitude import Magnitude
from tfqnoise.cli.predict import Predict
from tfqnoise.cli.report import Report
from tfqnoise.cli.serve import Serve
from tfqnoise.cli.train import Train
from tfqnoise.errors import TfqnoiseError, UsageError, did_you_mean

COMMANDS: dict[str, type] = {
    "train": Train,
    "audit": Audit,
    "export": Export,
    "inspect": Inspect,
    "check": Check,
    "predict": Predict,
    "emulate": Emulate,
    "benchmark": Benchmark,
    "serve": Serve,
    "magnitude": Magnitude,
    "report": Report,
    "list": List,
}


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
    if arguments[:1] == ["--version"]:
        print(f"tfqnoise {tfqnoise.__version__}")
        sys.exit(0)
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: tfqnoise COMMAND [flags]\n")
        for name, command in COMMANDS.items():
            print(f"  {name:<10} {(command.__doc__ or '').splitlines()[0]}")
        print("\n`tfqnoise COMMAND --help` lists the flags of a command; `tfqnoise --version` says which this is.")
        sys.exit(0 if arguments else 2)
    name = arguments[0]
    if name not in COMMANDS:
        error = UsageError(f"unknown command '{name}'", "a command", did_you_mean(name, COMMANDS))
        print(f"tfqnoise: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(run_command(name, arguments[1:], prog=f"tfqnoise {name}"))
