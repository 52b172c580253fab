import dataclasses
import importlib

import pytest

from tfqnoise import networks, noise
from tfqnoise.errors import UsageError
from tfqnoise.registry import Registry


def _registry():
    registry = Registry("thing", "tfqnoise.noise")
    registry._imported = True

    @registry.register(reference="-")
    @dataclasses.dataclass(frozen=True)
    class BigThing:
        """A thing.

        More about it.
        """

        size: int = 3

    return registry, BigThing


def test_class_name_becomes_snake_case():
    registry, thing = _registry()
    assert list(registry.entries()) == ["big_thing"]
    assert registry.get("big-thing") == thing(3)
    assert registry.entry("big_thing").summary == "A thing."
    assert registry.entry("big_thing").settings == {"size": 3}


def test_a_name_is_registered_once():
    registry, thing = _registry()
    with pytest.raises(ValueError, match="registered twice"):
        registry.register(reference="-")(thing)


@pytest.mark.parametrize("spec", ['{"name": ', '{"size": 3}', '{"name": 4}', "[1]"])
def test_text_that_names_nothing_is_refused(spec):
    with pytest.raises(UsageError):
        _registry()[0].get(spec)


@pytest.mark.parametrize("value", ["5", None, 1.5, True, [3]])
def test_a_setting_of_another_type_is_refused(value):
    with pytest.raises(UsageError, match="size = "):
        _registry()[0].get({"name": "big_thing", "size": value})


def test_a_setting_without_a_default_of_its_own_has_the_types_that_it_declares():
    registry, _ = _registry()

    @registry.register(reference="-")
    @dataclasses.dataclass(frozen=True)
    class Thing:
        """A thing."""

        share: float | None = None

    for value in (0.5, 1, None):
        assert registry.get({"name": "thing", "share": value}) == Thing(value)
    for value in ("0.5", True, [1]):
        with pytest.raises(UsageError, match="expected: a float or null"):
            registry.get({"name": "thing", "share": value})


def test_a_sample_of_another_type_shows_that_a_setting_may_be_either():
    registry, _ = _registry()

    @registry.register(reference="-", sample={"rows": [1]})
    @dataclasses.dataclass(frozen=True)
    class Table:
        """A table."""

        rows: str | tuple[int, ...] = ""

    assert registry.get({"name": "table", "rows": "a file"}).rows == "a file"
    assert registry.get({"name": "table", "rows": [2, 3]}).rows == [2, 3]
    assert registry.get({"name": "table", "rows": (2, 3)}).rows == (2, 3)
    with pytest.raises(UsageError, match="a list or a str"):
        registry.get({"name": "table", "rows": 4})


def test_what_has_a_flag_of_its_own_is_no_setting():
    with pytest.raises(UsageError, match="from its own flag"):
        noise.get({"name": "symmetric", "rate": 0.3}, rate=0.4)


def test_arguments_that_are_no_settings_are_refused():
    with pytest.raises(UsageError, match="no setting 'classes'"):
        networks.get({"name": "resnet8", "classes": 5})


def test_settings_of_the_spec_win_over_defaults():
    registry, thing = _registry()
    assert registry.get({"name": "big_thing", "size": 5}, size=4) == thing(5)


def test_an_unregistered_object_has_no_dict():
    with pytest.raises(ValueError, match="not a registered thing"):
        _registry()[0].to_dict(object())


def test_a_method_is_found_without_loading_its_family(tmp_path, monkeypatch):
    package = tmp_path / "family"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from tfqnoise.registry import Registry\nregistry = Registry('thing', __name__)\n"
    )
    (package / "quick.py").write_text(
        "import family\n\n\n@family.registry.register(reference='-')\ndef quick(): ...\n"
    )
    (package / "slow.py").write_text("raise RuntimeError('loaded')\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = importlib.import_module("family").registry
    assert registry.entry("quick").name == "quick"
    with pytest.raises(RuntimeError, match="loaded"):
        registry.entry("other")
