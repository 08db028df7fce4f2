"""No public function takes a keyword it does not have, and each says which one was meant."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, get_type_hints

import pytest

import agentkit as ak
from agentkit.debugger.breakpoint_list import Breakpoints
from agentkit.debugger.pending import Pending
from agentkit.errors import UnknownKeyword, checked_keywords

DOORS = (ak, ak.cassette, ak.charts, ak.export, ak.parsers, ak.testing)
OPEN = {
    "calls": "its keywords are the arguments of the tool",
    "Debugger.post": "its keywords are the arguments of the action, checked on the engine's thread",
}
"""What takes any keyword, and why."""


def public() -> dict[str, Any]:
    """Every function, and every class that is made by calling it, that a door lists."""
    listed = {name: getattr(door, name) for door in DOORS for name in door.__all__}
    return {
        name: thing
        for name, thing in listed.items()
        if inspect.isfunction(thing)
        or (isinstance(thing, type) and "__init__" in vars(thing) and not is_dataclass(thing))
    }


def methods() -> dict[str, Any]:
    """Every public method of the classes that are used with keywords."""
    made = (ak.Agent, ak.Debugger, ak.Tool, type(ak.compare), type(ak.break_on), Breakpoints)
    return {
        f"{kind.__name__}.{name}": member
        for kind in (*made, Pending)
        for name, member in vars(kind).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }


def outcome(function: Any) -> Any:
    asked = function(no_such_keyword=1)
    return asyncio.run(asked) if inspect.iscoroutine(asked) else asked


@pytest.mark.parametrize("name", sorted({*public(), *methods()} - OPEN.keys()))
def test_an_unknown_keyword_is_refused(name: str) -> None:
    function = public().get(name) or methods()[name]
    parameters = inspect.signature(function).parameters.values()
    if name == "Pending.change":
        assert [p.name for p in parameters if p.kind is p.VAR_KEYWORD] == ["named"]
        return
    assert not any(p.kind is p.VAR_KEYWORD for p in parameters)
    if isinstance(function, type) and issubclass(function, Exception):
        return
    with pytest.raises(UnknownKeyword, match="no_such_keyword") as caught:
        outcome(function)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ak.AgentkitError)


def dbg() -> ak.Debugger:
    made = ak.debug(ak.demo(), "Do I need a coat in Oslo?")
    made.step()
    return made


def wrong(function: Any, *args: Any, **named: Any) -> Callable[[], Any]:
    return lambda: function(*args, **named)


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (wrong(ak.debug, ak.demo(), "x", aprove=["pay"]), "did you mean approve=?"),
        (wrong(ak.rollouts, ak.demo(), ["x"], recrod="x"), "did you mean record= or reward=?"),
        (wrong(ak.rollouts, ak.demo(), ["x"], concurency=3), "did you mean concurrency=?"),
        (wrong(ak.rollout, ak.demo(), max_turns=1), "max_turns belongs to ak.Agent(max_turns=…)"),
        (wrong(ak.rollout, ak.demo(), max_turn=1), "did you mean max_turns= of ak.Agent(…)?"),
        (wrong(ak.rollout, ak.demo(), task="x"), "metadata is given as meta={'task': …}"),
        (wrong(ak.demo().start, "x", split="dev"), "metadata is given as meta={'split': …}"),
        (wrong(ak.Agent, "m", tols=[]), "did you mean tools=?"),
        (wrong(ak.tool, descripton="x"), "did you mean description=?"),
        (wrong(ak.compare, {}, histroy="free"), "did you mean history=?"),
        (wrong(dbg().edit, turn=0, argument={}), "did you mean arguments=?"),
        (wrong(dbg().pending.change, 0, cty="Rome"), "did you mean 'city'?"),
        (wrong(dbg().pause, soon=True), "it takes none"),
    ],
)
def test_the_hint_says_what_was_meant(call: Callable[[], Any], hint: str) -> None:
    with pytest.raises(UnknownKeyword) as caught:
        call()
    assert caught.value.hint == hint


def test_an_argument_of_the_tool_is_changed_by_name() -> None:
    made = dbg()
    assert made.pending.change(0, city="Rome").arguments == {"city": "Rome"}
    assert made.pending.change(0, {"cty": "Rome"}).arguments == {"cty": "Rome"}


@checked_keywords
def example(a: int, /, b: str = "", *, c: float = 0.0) -> str:
    """Give all three.

    >>> example(1, c=2.0)
    '1 2.0'
    """
    return f"{a}{b} {c}"


def test_signature_docstring_and_typing_stay() -> None:
    parameters = inspect.signature(example).parameters
    assert list(parameters) == ["a", "b", "c"]
    assert (example.__name__, example.__module__) == ("example", __name__)
    assert (example.__doc__ or "").startswith("Give all three.")
    assert get_type_hints(example)["c"] is float
    assert example.__globals__ is globals()  # by which doctest finds its examples
    assert pickle.loads(pickle.dumps(example)) is example
    assert inspect.iscoroutinefunction(ak.rollouts_async)
    with pytest.raises(UnknownKeyword):
        example(1, a=2)
