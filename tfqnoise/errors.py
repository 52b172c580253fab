"""Every error a user can meet: what was received, what was expected, what to do."""

import difflib
from collections.abc import Iterable


class TfqnoiseError(Exception):
    """An error with a remedy. The command line prints it without a traceback and exits with `exit_code`.

    Args:
        received: what was found, with the value or path that caused it.
        expected: what would have been right.
        remedy: what the user can do now.
    """

    exit_code = 2

    def __init__(self, received: str, expected: str, remedy: str) -> None:
        super().__init__(received, expected, remedy)
        self.received, self.expected, self.remedy = received, expected, remedy

    def __str__(self) -> str:
        return f"{self.received}\n  expected: {self.expected}\n  what to do: {self.remedy}"


class UsageError(TfqnoiseError):
    """A flag, recipe field or method name that can't be used."""


class BackendError(TfqnoiseError):
    """Keras 3 where legacy Keras is needed."""


class DataError(TfqnoiseError):
    """Data that is missing, unreadable or unusable."""


class PlanError(TfqnoiseError):
    """A compression plan that the network can't follow; found before training."""


class RunError(TfqnoiseError):
    """A run directory that is missing, in use, incomplete or damaged."""


class TrainingError(TfqnoiseError):
    """Training that can't go on, such as a loss that is not a number."""


class ExportError(TfqnoiseError):
    """A model that can't be exported, or whose export doesn't keep its promise."""


class DeviceError(TfqnoiseError):
    """A device that can't be reached or that refuses what is run on it, or a tool for it that fails."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Returns a sentence that offers the nearest known name, or lists all of them.

    Example:
        >>> did_you_mean("resnet9", ["resnet8", "resnet20"])
        "did you mean 'resnet8'?"
    """
    known = sorted(names)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"choose one of: {listed(known)}"


def listed(names: Iterable[str]) -> str:
    """Returns names joined by commas, each in quotes where a name holds a comma or a quotation mark itself.

    Example:
        >>> listed(["one", "two, three"])
        "'one', 'two, three'"
    """
    known = list(names)
    odd = any(set(name) & set(',"') for name in known)
    return ", ".join(f"'{name}'" if odd else name for name in known)
