"""Every kind of callable as a tool: and how a call's arguments reach it."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypedDict

import jsonschema
import pytest
from pydantic import BaseModel, Field

import agentkit as ak
from tests.agent.hermes.loop_cases import USER, Stub, answer, call, contents
from tests.agent.tools.test_tools import City, Color, Pair, Place, Point, Trip

# what can be a tool


class Counter:
    """Counts."""

    def __init__(self) -> None:
        self.name, self.schema, self.function, self.parameters = "mine", "mine", "mine", "mine"

    def __call__(self, by: int) -> int:
        """Count up."""
        return by + 1

    def method(self, a: int, b: str = "b") -> str:
        """A method."""
        return f"{a}{b}"

    @classmethod
    def of_class(cls, a: int) -> str:
        """Of the class."""
        return f"{cls.__name__}{a}"

    @staticmethod
    def static(a: int) -> int:
        """Static."""
        return a

    async def later(self, a: int) -> int:
        """Later."""
        return a


class Made:
    """Make one."""

    def __init__(self, size: int, label: str = "x") -> None:
        self.size, self.label = size, label

    def __str__(self) -> str:
        return f"{self.label}{self.size}"


class Asynchronous:
    async def __call__(self, a: int) -> int:
        """Call."""
        return a


def decorator(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@decorator
def decorated(a: int) -> int:
    """Decorated."""
    return a + 1


@decorator
async def decorated_async(a: int) -> int:
    """Decorated."""
    return a + 1


async def asynchronous(a: int) -> int:
    """Asynchronous."""
    await asyncio.sleep(0)
    return a + 1


def plain(a: int, b: int = 1) -> int:
    """Plain."""
    return a + b


CASES: list[tuple[Any, str, str, dict[str, Any], str]] = [
    (plain, "plain", "Plain.", {"a": 1}, "2"),
    (ak.tool(plain), "plain", "Plain.", {"a": 1, "b": 5}, "6"),
    (asynchronous, "asynchronous", "Asynchronous.", {"a": 1}, "2"),
    (decorated, "decorated", "Decorated.", {"a": 1}, "2"),
    (decorated_async, "decorated_async", "Decorated.", {"a": 1}, "2"),
    (functools.partial(plain, b=10), "plain", "Plain.", {"a": 1}, "11"),
    (functools.partial(asynchronous), "asynchronous", "Asynchronous.", {"a": 1}, "2"),
    (Counter(), "Counter", "Counts.", {"by": 1}, "2"),
    (Asynchronous(), "Asynchronous", "Call.", {"a": 7}, "7"),
    (Counter().method, "method", "A method.", {"a": 1}, "1b"),
    (functools.partial(Counter().method, b="c"), "method", "A method.", {"a": 1}, "1c"),
    (Counter.of_class, "of_class", "Of the class.", {"a": 1}, "Counter1"),
    (Counter.static, "static", "Static.", {"a": 1}, "1"),
    (Counter().later, "later", "Later.", {"a": 1}, "1"),
    (Made, "Made", "Make one.", {"size": 3}, "x3"),
    (Point, "Point", "A point.", {"x": 3}, '{"x": 3, "tags": []}'),
    (City, "City", "A city.", {"name": "Oslo"}, '{"name": "Oslo", "people": null}'),
    (
        ak.tool(lambda q: q * 2, name="twice", description="Twice."),
        "twice",
        "Twice.",
        {"q": "ab"},
        "abab",
    ),
]


@pytest.mark.parametrize(
    ("function", "name", "description", "arguments", "told"),
    CASES,
    ids=[f"{i}-{c[1]}" for i, c in enumerate(CASES)],
)
async def test_every_kind_of_callable_is_described_and_run(
    function: Any, name: str, description: str, arguments: dict[str, Any], told: str
) -> None:
    made = ak.tool(function)
    assert (made.name, made.description) == (name, description)
    assert set(arguments) <= set(made.parameters["properties"])
    assert made.parameters.get("required", []) == list(arguments)[:1]
    jsonschema.validate(arguments, made.parameters)
    server = Stub(answer(None, call(name, arguments)), answer("done"))
    result = await ak.AgentLoop(server, tools=[function]).run(list(USER))
    assert contents(result.messages) == [told]
    assert result.tool_errors == []


def test_a_tool_is_still_the_function_it_was_made_of() -> None:
    @ak.tool
    def add(a: int, b: int = 0) -> int:
        """Add."""
        return a + b

    assert (add(1, 2), add(a=1), vars(add)["__name__"], add.__doc__) == (3, 1, "add", "Add.")
    assert repr(add) == "<Tool add(a, b)>"


def test_the_decorator_takes_arguments() -> None:
    @ak.tool(
        name="sum_up",
        description="Sums.",
        parameters={"type": "object", "properties": {"n": {"type": "array"}}},
    )
    def add(**numbers: Any) -> int:
        return sum(numbers["n"])

    assert add.schema["function"] == {
        "name": "sum_up",
        "description": "Sums.",
        "parameters": {"type": "object", "properties": {"n": {"type": "array"}}},
    }
    again = ak.tool(add, name="other")
    assert (again.name, again.function) == ("other", add.function)
    assert ak.tool(add) is add


# arguments


async def given(function: Callable[..., Any], arguments: dict[str, Any]) -> str:
    """What a tool says of the arguments it was called with."""
    made = ak.tool(function, name="use")
    result = await ak.AgentLoop(
        Stub(answer(None, call("use", arguments)), answer("done")), tools=[made]
    ).run(list(USER))
    return str(contents(result.messages)[0])


async def test_types_json_does_not_have_are_made() -> None:
    def use(
        when: date,
        at: datetime | None,
        color: Color,
        point: Point,
        city: City,
        amount: Decimal,
        pair: Pair,
        unique: set[int],
        trip: Trip,
        places: list[Place],
        points: list[Point],
        path: Path,
    ) -> str:
        """Use."""
        return repr(
            (when, at, color, point, city, amount, pair, unique, trip, places, points, path)
        )

    told = await given(
        use,
        {
            "when": "2026-01-02",
            "at": "2026-01-02T03:04:05",
            "color": "red",
            "point": {"x": 1},
            "city": {"name": "Oslo"},
            "amount": "1.10",
            "pair": [1, "c"],
            "unique": [1, 1],
            "trip": {"when": "2026-01-02"},
            "places": [{"city": "Rome"}],
            "points": [{"x": 2}],
            "path": "/tmp",
        },
    )
    made = (
        date(2026, 1, 2),
        datetime(2026, 1, 2, 3, 4, 5),
        Color.RED,
        Point(1),
        City(name="Oslo"),
        Decimal("1.10"),
        Pair(1, "c"),
        {1},
        {"when": date(2026, 1, 2)},
        [{"city": "Rome"}],
        [Point(2)],
        Path("/tmp"),
    )
    assert told == repr(made)


async def test_plain_json_is_passed_as_it_was_sent() -> None:
    def use(
        a: int,
        b: list[int],
        c: Iterable[str],
        d: float,
        e: Mapping[str, int],
        f: Annotated[int, Field(gt=0)],
        g: Place,
    ) -> str:
        """Use."""
        return repr((a, b, c, d, e, f, g))

    sent = {
        "a": "3",
        "b": ["x"],
        "c": ["y"],
        "d": 1,
        "e": {"k": "v"},
        "f": -1,
        "g": {"city": 5, "more": 1},
    }
    assert await given(use, sent) == repr(tuple(sent.values()))


async def test_types_may_be_defined_beside_the_tool() -> None:
    class Local(BaseModel):
        n: int

    class Inner(TypedDict):
        local: Local

    @dataclasses.dataclass
    class Plain:
        n: int

    @ak.tool
    def use(local: Local, inner: list[Inner], plain: Plain | None = None) -> str:
        """Use."""
        return repr((local, inner, plain))

    assert set(use.parameters["$defs"]) == {"Local", "Inner", "Plain"}
    told = await given(
        use.function, {"local": {"n": 1}, "inner": [{"local": {"n": 2}}], "plain": {"n": 3}}
    )
    assert told == repr((Local(n=1), [{"local": Local(n=2)}], Plain(3)))


def unresolved(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


async def test_a_tool_that_was_described_needs_no_types() -> None:
    made = ak.tool(unresolved, parameters={"type": "object", "properties": {"a": {}}})
    server = Stub(answer(None, call("unresolved", {"a": 1})), answer("done"))
    result = await ak.AgentLoop(server, tools=[made]).run(list(USER))
    assert contents(result.messages) == ["null"]


async def test_a_value_that_does_not_fit_is_the_tools_error() -> None:
    def use(when: date) -> str:
        """Use."""
        return str(when)

    told = json.loads(await given(use, {"when": "tomorrow"}))["error"]
    assert told.startswith("Tool execution failed: ValidationError: ")
    assert "valid date" in told


@pytest.mark.parametrize("arguments", [{}, {"a": 1, "wrong": 2}])
async def test_missing_and_surplus_arguments_are_the_tools_error(arguments: dict[str, Any]) -> None:
    def use(a: int = 0, *, b: int = 0) -> str:
        """Use."""
        return "ok"

    def needs(a: int) -> str:
        """Use."""
        return "ok"

    told = await given(use if arguments else needs, arguments)
    assert "error" in json.loads(told)


async def test_a_tool_cannot_change_the_record() -> None:
    def use(items: list[int]) -> int:
        """Use."""
        items.append(9)
        return len(items)

    server = Stub(answer(None, call("use", {"items": [1]})), answer("done"))
    result = await ak.AgentLoop(server, tools=[use]).run(list(USER))
    assert result.trajectory.turns[0].tool_calls[0].arguments == {"items": [1]}
