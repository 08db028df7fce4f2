"""What cannot be a tool says so at once, with the hint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import Field

import agentkit as ak
from agentkit.agent.tools.tool import toolset
from agentkit.errors import SchemaError, UsageError


def plain(a: int, b: int = 1) -> int:
    """Plain."""
    return a + b


def other(a: int) -> int:
    """Other."""
    return a


class Thing:
    def method(self, a: int) -> int:
        """A method."""
        return a


def positional(a: int, /) -> None: ...


def unresolved(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def indescribable(a: asyncio.Lock) -> None: ...


def takes_a_function(a: Callable[[int], int]) -> None: ...


def defaults_to_a_field(a: int = Field(3, description="x")) -> None: ...


UNDESCRIBABLE = [
    positional,
    unresolved,
    indescribable,
    takes_a_function,
    defaults_to_a_field,
    Thing.method,
    lambda x: x,
    max,
    dict,
]


@pytest.mark.parametrize(
    "bad",
    [*UNDESCRIBABLE, 3, "text", None, {"type": "function"}],
    ids=lambda bad: getattr(bad, "__qualname__", str(bad)),
)
def test_what_cannot_be_described_says_the_mend(bad: Any) -> None:
    with pytest.raises(UsageError) as caught:
        toolset([bad])
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, (ValueError, TypeError))


def test_a_schema_error_is_a_type_error_too() -> None:
    with pytest.raises(TypeError) as caught:
        ak.tool(positional)
    assert isinstance(caught.value, SchemaError)


@pytest.mark.parametrize("name", ["", "two words", "x" * 65, "naïve", "a.b"])
def test_names_a_server_would_refuse(name: str) -> None:
    if name:
        with pytest.raises(SchemaError, match="cannot name a tool"):
            ak.tool(plain, name=name)
    else:
        assert ak.tool(plain, name=name).name == "plain"


@pytest.mark.parametrize("bad", [plain, "plain", {"plain": plain}, 5, ak.tool(plain)])
def test_a_toolset_is_a_list(bad: Any) -> None:
    with pytest.raises(UsageError, match="list") as caught:
        toolset(bad)
    assert caught.value.hint


def test_two_tools_of_one_name() -> None:
    with pytest.raises(UsageError, match="two tools are named 'plain'"):
        toolset([plain, ak.tool(other, name="plain")])
    assert toolset(None) == {}
    assert list(toolset(f for f in (plain, other))) == ["plain", "other"]
