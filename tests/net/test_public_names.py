"""Every public name with its signature, but not where it lives: files may move, names stay.

The expected list is a snapshot; `--snapshot-update` writes it anew after a wanted change.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

import agentkit as ak
from tests.net.made import MADE

DOORS = ("cassette", "charts", "export", "parsers", "testing")


def without_places(text: str) -> str:
    """The text without the modules that names come from, and without addresses."""
    text = re.sub(r"\bagentkit(?:\.\w+)*\.(?=\w)", "", text)
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def signature(thing: Any) -> str:
    """Give how it is called; empty where that is not known, or not defined by us."""
    if isinstance(thing, type) and not any(
        {"__init__", "__new__"} & vars(base).keys() for base in ours(thing)
    ):
        return ""
    try:
        return without_places(str(inspect.signature(thing)))
    except (TypeError, ValueError):
        return ""


def ours(made: type) -> list[type]:
    """The class and those of its bases that are this package's own."""
    return [base for base in made.__mro__ if base.__module__.partition(".")[0] == "agentkit"]


def member(made: type, name: str) -> str:
    """A public member in one line: its kind and its signature."""
    found = inspect.getattr_static(made, name)
    if isinstance(found, (classmethod, staticmethod)):
        return f"{type(found).__name__} {name}{signature(getattr(made, name))}"
    if inspect.isfunction(found):
        return f"method {name}{signature(found)}"
    if inspect.ismemberdescriptor(found):
        return f"field {name}"
    getter = getattr(found, "fget", None) or getattr(found, "func", None)
    return f"property {name}{signature(getter)}" if getter else f"attribute {name}"


def members(made: type) -> list[str]:
    names = {name for base in ours(made) for name in vars(base)}
    return [member(made, name) for name in sorted(names) if not name.startswith("_")]


def described(made: type) -> list[str]:
    bases = [base.__name__ for base in made.__mro__[1:-1] if base not in ours(base)]
    return [f"class {made.__name__}{signature(made)}", f"bases {bases}", *members(made)]


def line(name: str, value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"{name}: module"
    return (
        f"{name}: {'class' if isinstance(value, type) else type(value).__name__}{signature(value)}"
    )


@pytest.mark.parametrize("door", [None, *DOORS])
def test_names(door: str | None, snapshot: SnapshotAssertion) -> None:
    module = getattr(ak, door) if door else ak
    assert [line(name, getattr(module, name)) for name in module.__all__] == snapshot


def test_a_door_shows_its_names_only() -> None:
    for door in DOORS:
        module = getattr(ak, door)
        assert sorted(dir(module)) == sorted(module.__all__)
    assert {*ak.__all__, "__version__"} <= set(dir(ak))


def test_compare_and_break_on(snapshot: SnapshotAssertion) -> None:
    """What looks like a function, or a room of functions, and is an object."""
    assert [described(type(thing)) for thing in (ak.compare, ak.break_on)] == snapshot


@cache
def exported() -> dict[str, type]:
    """The classes that the package and its doors list, and all exceptions."""
    modules = [ak, *(getattr(ak, door) for door in DOORS)]
    listed = [getattr(module, name) for module in modules for name in module.__all__]
    found = {made.__name__: made for made in listed if isinstance(made, type)}
    return {**found, **{made.__name__: made for made in kinds_of(ak.AgentkitError) if ours(made)}}


def kinds_of(error: type[Exception]) -> Iterator[type[Exception]]:
    for kind in error.__subclasses__():
        yield kind
        yield from kinds_of(kind)


@cache
def met() -> dict[str, tuple[type, set[str]]]:
    """The classes of all that is made for these tests, and the public attributes it holds."""
    found: dict[str, tuple[type, set[str]]] = {}
    for make in MADE.values():
        thing = make()
        if ours(type(thing)):
            kept = found.setdefault(shared_name(type(thing)), (type(thing), set()))[1]
            kept |= {name for name in getattr(thing, "__dict__", ()) if not name.startswith("_")}
    return found


def shared_name(made: type) -> str:
    """The name of a class, with its number of public members where several have that name."""
    return f"{made.__name__} {len(members(made))}"


def test_exported_classes(snapshot: SnapshotAssertion) -> None:
    assert {name: described(made) for name, made in sorted(exported().items())} == snapshot


@pytest.mark.slow
def test_classes_that_are_met(snapshot: SnapshotAssertion) -> None:
    """Classes that no door lists, and what their objects hold beside their members."""
    seen = {
        name: [*described(made), *(f"holds {one}" for one in sorted(held))]
        for name, (made, held) in sorted(met().items())
    }
    assert seen == snapshot
