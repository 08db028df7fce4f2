"""What a tool returned as text for the model: any value at all, always JSON where it says so, and
never an address in memory.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections import OrderedDict, deque, namedtuple
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agentkit.read.tool_output import as_text


class Color(enum.Enum):
    RED = "red"


class Tint(str, enum.Enum):  # noqa: UP042
    PALE = "pale"


@dataclasses.dataclass
class Point:
    x: int
    when: date


class City(BaseModel):
    name: str
    founded: date | None = None


class Open:
    def __init__(self) -> None:
        self.a, self._hidden = 1, 2


class Spoken:
    def __str__(self) -> str:
        return "spoken"


class Text(str):
    def __str__(self) -> str:
        return "not this"


Row = namedtuple("Row", "a b")

FRAME = pd.DataFrame({"city": ["Oslo", "Rome"], "temp": [-3.5, float("nan")]})
DAY = date(2026, 1, 2)

TEXTS: list[tuple[Any, str]] = [
    ("as it is", "as it is"),
    ("", ""),
    ('{"a": 1}', '{"a": 1}'),
    (Text("plain"), "plain"),
    (np.str_("numpy"), "numpy"),
]
JSON: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (3, 3),
    (2.5, 2.5),
    (10**30, 10**30),
    ([], []),
    ({}, {}),
    ((1, 2), [1, 2]),
    ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
    (
        {1: "int", None: "none", False: "bool", 2.5: "float"},
        {"1": "int", "null": "none", "false": "bool", "2.5": "float"},
    ),
    (
        {(1, "a"): "tuple", Color.RED: "enum", DAY: "date"},
        {'[1, "a"]': "tuple", "red": "enum", "2026-01-02": "date"},
    ),
    ({3, 1, 2}, [1, 2, 3]),
    (frozenset("ba"), ["a", "b"]),
    (deque([1, 2]), [1, 2]),
    (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (Row(1, 2), [1, 2]),
    (
        [DAY, datetime(2026, 1, 2, 3, tzinfo=UTC), time(4, 5)],
        ["2026-01-02", "2026-01-02T03:00:00+00:00", "04:05:00"],
    ),
    (Point(1, DAY), {"x": 1, "when": "2026-01-02"}),
    ([Point(1, DAY)], [{"x": 1, "when": "2026-01-02"}]),
    (City(name="Oslo", founded=DAY), {"name": "Oslo", "founded": "2026-01-02"}),
    ({"c": City(name="Rome")}, {"c": {"name": "Rome", "founded": None}}),
    ([Color.RED, Tint.PALE], ["red", "pale"]),
    (
        {"d": Decimal("1.10"), "u": UUID(int=1)},
        {"d": "1.10", "u": "00000000-0000-0000-0000-000000000001"},
    ),
    ([b"raw", bytearray(b"\xff")], ["raw", "\ufffd"]),
    ([Spoken(), int, len], ["spoken", "int", "<built-in function len>"]),
    (float("nan"), None),
    ([float("inf"), -math.inf, 1.0], [None, None, 1.0]),
    ({"a": {"b": math.nan}}, {"a": {"b": None}}),
    (np.int64(3), 3),
    (np.float32(0.5), 0.5),
    (np.bool_(True), True),
    (np.float64("nan"), None),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    ({"x": np.arange(2)}, {"x": [0, 1]}),
    ({np.int64(1): "a"}, {"1": "a"}),
    (np.array([1.5, np.nan]), [1.5, None]),
    (FRAME, [{"city": "Oslo", "temp": -3.5}, {"city": "Rome", "temp": None}]),
    (FRAME.set_index("city"), [{"city": "Oslo", "temp": -3.5}, {"city": "Rome", "temp": None}]),
    (FRAME["city"], ["Oslo", "Rome"]),
    (FRAME.set_index("city")["temp"], {"Oslo": -3.5, "Rome": None}),
    (pd.DataFrame(), []),
    ([pd.Timestamp("2026-01-02"), pd.NaT], ["2026-01-02T00:00:00", None]),
    (Open(), {"a": 1}),
]
VALUES: list[tuple[Any, str, str]] = [
    (b"bytes \xff", "bytes \ufffd", "bytes"),
    (bytearray(b"more"), "more", "bytes"),
    (memoryview(b"view"), "view", "bytes"),
    (DAY, "2026-01-02", "text"),
    (Decimal("1.10"), "1.10", "text"),
    (Fraction(1, 3), "1/3", "text"),
    (PurePosixPath("data/x"), "data/x", "text"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001", "text"),
    (Color.RED, "red", "text"),
    (Tint.PALE, "pale", "text"),
    (timedelta(seconds=5), "0:00:05", "text"),
    (1 + 2j, "(1+2j)", "text"),
    (ValueError("no"), "no", "text"),
    (Spoken(), "spoken", "text"),
    (int, "int", "text"),
    (object(), "<object>", "text"),
    ((i for i in range(3)), "<generator>", "text"),
    (lambda: 1, "<function>", "text"),
]


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_text_is_told_as_it_is(value: Any, text: str) -> None:
    assert as_text(value) == (text, None)
    assert type(as_text(value)[0]) is str


@pytest.mark.parametrize(
    ("value", "data"), JSON, ids=[f"{i}-{type(v).__name__}" for i, (v, _) in enumerate(JSON)]
)
def test_data_is_told_as_json(value: Any, data: Any) -> None:
    text, conversion = as_text(value)
    assert conversion == "json"
    assert json.loads(text, parse_constant=pytest.fail) == data


@pytest.mark.parametrize(
    ("value", "text", "conversion"), VALUES, ids=[type(v).__name__ for v, _, _ in VALUES]
)
def test_anything_else_is_told_as_its_text(value: Any, text: str, conversion: str) -> None:
    assert as_text(value) == (text, conversion)


def test_text_beyond_ascii_is_told_as_it_is() -> None:
    assert as_text({"city": "Zürich", "sky": "☀"}) == ('{"city": "Zürich", "sky": "☀"}', "json")


def test_what_holds_itself_is_told_as_text() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    table: dict[str, Any] = {"a": 1}
    table["self"] = table
    assert as_text(ring) == ("[1, [...]]", "text")
    assert as_text(table) == ("{'a': 1, 'self': {...}}", "text")
    shared = [1]
    assert as_text([shared, shared]) == ("[[1], [1]]", "json")


def test_what_nests_too_deeply_is_told_somehow() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    text, conversion = as_text(deep)
    assert conversion == "text"
    assert len(text) < 10_000


class Hostile:
    """Everything about it fails."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class Broken(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("no")


class BadModel:
    def model_dump(self, **options: Any) -> Any:
        raise KeyError("no")

    def __str__(self) -> str:
        return "bad model"


MAKERS = [
    Hostile,
    lambda: [Hostile()],
    lambda: {"a": Hostile()},
    lambda: Broken(a=1),
    BadModel,
    lambda: 10**5000,
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_value_that_resists_is_told_somehow(make: Callable[[], Any]) -> None:
    text, conversion = as_text(make())
    assert isinstance(text, str)
    assert conversion in ("text", "json")


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.tuples(inner, inner)
        | st.sets(st.integers())
    ),
    max_leaves=20,
)


@given(json_like)
def test_whatever_says_it_is_json_is(value: Any) -> None:
    text, conversion = as_text(value)
    if conversion == "json":
        json.loads(text, parse_constant=pytest.fail)
    assert as_text(value) == (text, conversion)
