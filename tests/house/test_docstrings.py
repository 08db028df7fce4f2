"""What a public name tells of itself: a verb first, and every argument where there are several."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docstring_parser.google import parse

import agentkit as ak

ROOMS = {"ak": ak, **{name: getattr(ak, name) for name in ak._MODULES}}
NO_VERBS = {
    *("A", "All", "An", "And", "Any", "As", "At", "Both", "But", "Each", "Either", "Every"),
    *("For", "From", "He", "How", "I", "If", "In", "It", "Neither", "No", "None", "Nothing"),
    *("Of", "On", "One", "Only", "Or", "Our", "Some", "Something", "That", "The", "Their"),
    *("There", "These", "They", "Those", "To", "Two", "We", "What", "When", "Where", "Whether"),
    *("Which", "Who", "Why", "With", "You", "Your"),
}


def check(rule: str, found: set[str]) -> None:
    """Fail with what breaks a rule."""
    assert not found, "\n".join([f"{rule}:", *sorted(found)])


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give the public functions, and the public methods of public classes, by their names."""
    for room, module in ROOMS.items():
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value):
                yield f"{room}.{name}", value
            elif inspect.isclass(value):
                yield from methods(f"{room}.{name}", value)


def methods(owner: str, cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give what the class and our bases of it define."""
    for base in cls.__mro__:
        for name, value in vars(base).items() if base.__module__.startswith("agentkit.") else ():
            plain = getattr(value, "__func__", value)
            if inspect.isfunction(plain) and not name.startswith("_"):
                yield f"{owner}.{name}", plain


FUNCTIONS = dict(functions())


def first_word(name: str) -> str:
    text = inspect.getdoc(FUNCTIONS[name]) or ""
    return text.partition(" ")[0].rstrip(".:,")


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_has_a_docstring(room: str) -> None:
    names = [name for name in ROOMS[room].__all__ if not inspect.getdoc(getattr(ROOMS[room], name))]
    assert not names


def test_a_function_begins_with_what_it_does() -> None:
    """An imperative: no article, pronoun or question, and no third person, which ends in s."""
    found = {name for name in FUNCTIONS if not is_imperative(first_word(name))}
    check("verb", found)


def is_imperative(word: str) -> bool:
    third_person = word.endswith("s") and not word.endswith("ss")
    return word[:1].isupper() and word not in NO_VERBS and not third_person


def test_three_parameters_are_described() -> None:
    """`Args:` names each parameter once, in the order of the signature."""
    found = set()
    for name, function in FUNCTIONS.items():
        expected = [p for p in inspect.signature(function).parameters if p not in ("self", "cls")]
        described = [
            argument.strip().lstrip("*")
            for entry in parse(inspect.getdoc(function) or "").params
            for argument in entry.arg_name.split(",")
        ]
        if len(expected) >= 3 and described != expected:
            found.add(name)
    check("args", found)
