"""Four times the text takes about four times the time, however nearly it is a call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

import agentkit as ak
from agentkit.read.parsers.call_formats import CANONICAL
from agentkit.read.parsers.reasoning_formats import REASONING
from tests.read.parsers.call_formats import WRITTEN
from tests.support.growth import assert_linear

SHORT, LONG = 2_000, 8_000
THINKING = [
    "<think>",
    "</think>",
    "<think>a</think>",
    "[THINK]",
    "<|channel|>analysis<|message|>",
    "<|start|>assistant",
    "to=self<|message|>",
]
QUOTED = ['\\"a', "\\'a", "\n", ", ", "[", "/*", "'a', ", '"a": ']
ANYWHERE = [
    '{"name": "f", "arguments": {"a": "',
    "[f(a=[{",
    '{"a": [',
    "\\",
    '"',
    "{'",
    " \n",
    "`",
    "<|",
    "<",
]


def almost_calls(name: str) -> list[str]:
    """What to repeat: markers, markers with what may follow them, and calls broken off at every
    tenth of their length.
    """
    form = CANONICAL[name]
    call = WRITTEN.get(name, WRITTEN["hermes"]).write([("f", {"a": "b", "c": "d"})])
    cut = [call[: len(call) * tenth // 10] for tenth in range(1, 10, 2)] + [
        call[len(call) * tenth // 10 :] for tenth in (2, 5)
    ]
    opened = [
        f"{marker}{behind}" for marker in form.calls for behind in ("", '{"a": "', "[", "\\", "'")
    ]
    return [unit for unit in dict.fromkeys([*cut, *opened, *form.roles, *ANYWHERE]) if unit]


def assert_linear_in(run: Callable[[str], object], unit: str) -> None:
    assert_linear(
        lambda size: partial(run, unit * (size // len(unit) + 1)), SHORT, LONG, told=repr(unit)
    )


@pytest.mark.parametrize("name", sorted(CANONICAL))
def test_whole_texts(name: str) -> None:
    for unit in almost_calls(name):
        assert_linear_in(ak.parsers.get_parser(name).parse, unit)


@pytest.mark.parametrize("name", sorted(CANONICAL))
def test_pieces(name: str) -> None:
    def in_pieces(text: str) -> None:
        reading = ak.parsers.get_parser(name).incremental()
        for at in range(0, len(text), 5):
            reading.feed(text[at : at + 5])
        reading.finish()

    for unit in almost_calls(name)[::2]:
        assert_linear_in(in_pieces, unit)


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_calls_cut_inside_a_value(name: str) -> None:
    head, value, _ = WRITTEN[name].write([("f", {"a": "vvv"})]).partition("vvv")
    assert value
    for unit in [*ANYWHERE, *QUOTED]:
        assert_linear_in(lambda text: ak.parsers.get_parser(name).parse(head + text), unit)


@pytest.mark.parametrize("name", sorted(REASONING))
def test_reasoning(name: str) -> None:
    for unit in [*THINKING, *ANYWHERE]:
        assert_linear_in(ak.parsers.get_reasoning_parser(name).parse, unit)


@pytest.mark.parametrize(
    "unit", ["<", "<|", "[", "{", "<tool_call>", '{"name": "f"', "<｜tool", "functools", "a "]
)
def test_markers(unit: str) -> None:
    assert_linear_in(ak.parsers.has_call_markup, unit)
    assert_linear_in(ak.parsers.detect, unit)
