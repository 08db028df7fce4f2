"""Calls in a text that no parser was chosen for: listed where a tool is known, never run, and found
in time that grows with the text alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from agentkit.read.parsers.registry import names
from agentkit.read.response import read_response
from agentkit.types.answer import Response
from tests.support.growth import assert_linear

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "f",
            "parameters": {"type": "object", "properties": {"a": {"type": "string"}}},
        },
    }
]
FENCED = 'Call it like this:\n```json\n{"name": "f", "arguments": {"a": "1"}}\n```\nThat is all.'


def read(text: str, parser: str | None = None, tools: Any = TOOLS) -> Response:
    return read_response({"role": "assistant", "content": text}, tools, parser=parser)


@pytest.mark.parametrize("parser", [None, *(name for name in names() if "xlam" not in name)])
def test_a_fenced_call_of_a_known_tool_is_listed_and_never_run(parser: str | None) -> None:
    response = read(FENCED, parser)
    assert response.tool_calls == ()
    assert [(call.name, call.arguments) for call in response.recoverable] == [("f", {"a": "1"})]
    assert response.content == FENCED
    span = response.recoverable[0].span
    assert span is not None
    assert FENCED[slice(*span)] == '{"name": "f", "arguments": {"a": "1"}}'


@pytest.mark.parametrize("fence", ["~~~", "  ~~~~", "```", "````"])
@pytest.mark.parametrize("closed", [True, False])
def test_markup_in_a_code_fence_is_no_call_for_the_parser_of_its_format(
    fence: str, closed: bool
) -> None:
    call = '<tool_call>{"name": "f", "arguments": {"a": "1"}}</tool_call>'
    text = f"It is written so:\n{fence}xml\n{call}\n" + (f"{fence}\n" if closed else "")
    assert read(text, "hermes").tool_calls == ()
    assert len(read(f"{text}{call}", "hermes").tool_calls) == closed
    assert len(read(f"about ~~~ 3 ~~~\n{call}", "hermes").tool_calls) == 1


def test_marks_of_fences_within_a_line_are_passed_over_in_linear_time() -> None:
    assert_linear(lambda n: partial(read, "a ~~~ b ``` c " * n, "hermes"), 4_000, 16_000)


@pytest.mark.parametrize("tools", [None, ["other"]])
def test_nothing_without_markup_is_a_call_where_the_tool_is_unknown(tools: Any) -> None:
    assert read(FENCED, tools=tools).recoverable == ()


@pytest.mark.parametrize(
    "text",
    [
        '{"result": {"name": "f", "arguments": {"a": "1"}}}',
        '{"name": "f", "arguments": "none"}',
        '{"name": "f"}',
        "The function f takes a.\nf(a) is what it gives.",
        "```js\nf({a: 1})\n```",
        '```json\n{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]}\n```',
        "f(a=x)",
        'f(b="1")',
        "f: see above",
        'Set f {"b": 1} to true.',
    ],
)
def test_what_only_looks_like_a_call_is_none(text: str) -> None:
    response = read(text)
    assert response.recoverable == ()
    assert response.problems == ()


def test_a_call_that_the_answer_makes_itself_is_not_listed_again() -> None:
    function = {"name": "f", "arguments": '{"a": "1"}'}
    message = {
        "role": "assistant",
        "content": 'I call it.\nf(a="1")',
        "reasoning": '<tool_call>{"name": "f", "arguments": {"a": "1"}}</tool_call>',
        "tool_calls": [{"id": "x", "type": "function", "function": function}],
    }
    response = read_response(message, TOOLS)
    assert [call.id for call in response.tool_calls] == ["x"]
    assert response.recoverable == ()


PIECES = [
    '{"name": "f", "arguments": {"a": "',
    '{"name": "f", "arguments": {}} ',
    '\nf(a="',
    '\nf(a="1")',
    'f{a:<|"|>',
    "f json{",
    '{"tool_calls": [',
    "<function=f><parameter=a>",
    "</parameter>x",
    '<|tool_call>call:f{"a": "',
    "<|channel|>commentary to=functions.f<|message|>{",
    '```json\n{"name": "f", "arguments": {}}\n```\n',
]


@pytest.mark.slow
@pytest.mark.parametrize("field", ["content", "reasoning"])
@pytest.mark.parametrize("piece", PIECES)
def test_listing_is_linear(piece: str, field: str) -> None:
    def run(length: int) -> Any:
        text = piece * (length // len(piece))
        message = {"role": "assistant", "content": "", field: text}
        return partial(read_response, message, TOOLS)

    assert_linear(run, 5_000, 20_000)
