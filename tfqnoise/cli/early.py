"""Flags that must be known before the others are read."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass
class Early:
    """The flags that must be known before the defaults of the others are."""

    recipe: str | None = None
    run_dir: str | None = None
    resume: bool = False

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> "Early":
        found = cls(resume="--resume" in arguments)
        for position, argument in enumerate(arguments):
            flag, equals, value = argument.partition("=")
            name = flag.removeprefix("--").replace("-", "_")
            if flag.startswith("--") and name in ("recipe", "run_dir"):
                following = arguments[position + 1 : position + 2]
                setattr(found, name, value if equals else next(iter(following), None))
        return found
