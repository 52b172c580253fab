"""One registry for every family of methods: a name, a dict and an object mean the same.

    losses.get("gce") == losses.get({"name": "gce", "q": 0.7}) == losses.get(GCE(q=0.7))

A method is one file in its family's folder: the file registers it once, and flags, `tfqnoise list`,
documentation and tests read the registry.
"""

import dataclasses
import functools
import importlib
import inspect
import json
import pkgutil
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tfqnoise.errors import UsageError, did_you_mean

Factory = TypeVar("Factory", bound=Callable[..., Any])


@dataclasses.dataclass(frozen=True)
class Entry:
    """What the registry knows of one method.

    Attributes:
        name: the word used in flags and recipes; also the name of the function, or of the class in
            snake case.
        factory: a frozen dataclass, or a function whose keyword arguments are the method's settings.
        reference: where the method comes from.
        sample: arguments with which the family's tests build it, where the defaults don't do.
    """

    name: str
    factory: Callable[..., Any]
    reference: str
    sample: Mapping[str, Any]

    @property
    def summary(self) -> str:
        return (inspect.getdoc(self.factory) or "").split("\n")[0]

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that have a default, in the order in which the factory takes them."""
        parameters = inspect.signature(self.factory).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty}


class Registry:
    """The methods of one family.

    Args:
        family: what a method of this family is called in messages, such as "loss".
        package: the package whose modules register the methods; imported when first asked.
    """

    def __init__(self, family: str, package: str) -> None:
        self.family = family
        self._package = package
        self._entries: dict[str, Entry] = {}
        self._imported = False

    def register(self, *, reference: str, sample: Mapping[str, Any] | None = None) -> Callable[[Factory], Factory]:
        """Registers the decorated class or function under its own name in snake case.

        Raises:
            ValueError: if the name is taken: two methods would answer to one word.
        """

        def decorate(factory: Factory) -> Factory:
            name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", factory.__name__).lower()
            if name in self._entries:
                raise ValueError(f"{self.family} '{name}' is registered twice")
            self._entries[name] = Entry(name, factory, reference, dict(sample or {}))
            return factory

        return decorate

    def entries(self) -> dict[str, Entry]:
        """Returns every method of the family by name, importing the family's files first."""
        if not self._imported:
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self._package}.{module.name}")
            self._imported = True
        return dict(sorted(self._entries.items()))

    def entry(self, name: str) -> Entry:
        """Returns one method; a hyphen in `name` stands for an underscore.

        Raises:
            UsageError: for an unknown name, offering the nearest known one.
        """
        name = name.replace("-", "_")
        found = self._alone(name) or self.entries().get(name)
        if found is None:
            raise UsageError(
                f"unknown {self.family} '{name}'", f"a registered {self.family}", did_you_mean(name, self.entries())
            )
        return found

    def _alone(self, name: str) -> Entry | None:
        """Returns a method after importing its own file alone: others of the family may take seconds to load."""
        if not self._imported:
            package = importlib.import_module(self._package)
            if name in {module.name for module in pkgutil.iter_modules(package.__path__)}:
                importlib.import_module(f"{self._package}.{name}")
        return self._entries.get(name)

    def get(self, spec: Any, **settings: Any) -> Any:
        """Returns the method that `spec` means.

        Args:
            spec: a name, a dict with "name" and settings, the same dict as JSON text, or the object itself.
            **settings: settings that the spec doesn't name.

        Raises:
            UsageError: for an unknown name, an unknown setting or text that isn't a name or JSON.
        """
        if not isinstance(spec, str | Mapping):
            return spec
        given = dict(self.parse(spec))
        entry = self.entry(given.pop("name"))
        for name, value in given.items():
            self._check(entry, name, value, taken=set(settings) - set(entry.settings))
        arguments = {**settings, **given}
        if inspect.isclass(entry.factory):
            return entry.factory(**arguments)
        return functools.partial(entry.factory, **arguments)

    def _check(self, entry: Entry, name: str, value: Any, taken: set[str]) -> None:
        """Refuses a setting that the method doesn't have, that has a flag of its own, or of another type."""
        offered = entry.settings
        if name in taken:
            raise UsageError(
                f"{self.family} '{entry.name}' with the setting '{name}'",
                "this setting from its own flag",
                f"leave it out here and use the flag (see --help for '{name}')",
            )
        # A sample builds what has no default.
        if name not in offered and name not in entry.sample:
            raise UsageError(
                f"{self.family} '{entry.name}' has no setting '{name}'",
                "one of its settings",
                did_you_mean(name, offered) if offered else "it takes no settings",
            )
        kinds = _kinds(entry, name)
        accepted = kinds | ({int} if float in kinds else set()) | ({tuple} if list in kinds else set())
        if not isinstance(value, tuple(accepted)) or (isinstance(value, bool) and bool not in kinds):
            raise UsageError(
                f"{self.family} '{entry.name}' with {name} = {value!r}",
                " or ".join(sorted("null" if kind is type(None) else f"a {kind.__name__}" for kind in kinds)),
                _example(entry),
            )

    def parse(self, spec: str | Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the dict form of a name, dict or JSON text.

        Raises:
            UsageError: if it is none of them.
        """
        if isinstance(spec, str) and not spec.lstrip().startswith("{"):
            return {"name": spec}
        try:
            parsed = json.loads(spec) if isinstance(spec, str) else spec
        except json.JSONDecodeError as error:
            raise UsageError(f"{self.family} {spec!r}: {error}", "a name, or JSON text", self._example()) from error
        if not isinstance(parsed.get("name"), str):
            raise UsageError(f"{self.family} {spec!r} has no name", "a 'name' in it", self._example())
        return parsed

    def _example(self) -> str:
        entries = self.entries().values()
        return _example(next((entry for entry in entries if entry.settings), next(iter(entries))))

    def to_dict(self, method: Any) -> dict[str, Any]:
        """Returns the dict that `get` turns back into `method`."""
        factory = method.func if isinstance(method, functools.partial) else type(method)
        for entry in self.entries().values():
            if entry.factory is factory:
                settings = method.keywords if isinstance(method, functools.partial) else dataclasses.asdict(method)
                return {"name": entry.name, **settings}
        raise ValueError(f"{method!r} is not a registered {self.family}")


def _kinds(entry: Entry, name: str) -> set[type]:
    """Returns the types that a setting may have: those of its default and sample; of None, those that it declares."""
    # A sample of another type than the default shows that the setting may be either.
    kinds = {type(values[name]) for values in (entry.settings, entry.sample) if name in values}
    if type(None) in kinds:
        kinds.update(typing.get_args(typing.get_type_hints(entry.factory)[name]))
    return kinds


def _example(entry: Entry) -> str:
    return f"write for example '{json.dumps({'name': entry.name, **entry.settings})}'"
