"""Whatever a server answers and a tool returns, a run ends with a reason, and what it would send
next is a history every server takes.
"""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.files.cassette.codec import decode_lines, encode_line, load_lines
from agentkit.files.cassette.lines import dump
from tests.agent.hermes.loop_cases import ECHO, SHAPES, USER, Stub, answer, call, schema

TEXT_CALLS = [
    '<tool_call>{"name": "echo", "arguments": {"text": "a"}}</tool_call>',
    "<tool_call>",
    '<tool_call>{"name": "echo"',
    "</tool_call>",
    "<think>",
    "</think>",
    "```",
    '{"name": "echo"}',
    "\ud800",
    "",
]
words = st.text(max_size=8) | st.sampled_from(["echo", "nope", "stop", *TEXT_CALLS])
scalars = st.none() | st.booleans() | st.integers(-2, 10**20) | st.floats() | words
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
contents = st.lists(st.sampled_from(TEXT_CALLS) | st.text(max_size=6), max_size=5).map("".join)
arguments = (
    st.sampled_from(
        [
            '{"text": "a"}',
            "{}",
            "",
            "null",
            "[1]",
            '{"text": "a',
            "{'text': 'a',}",
            '{"a": 1}{"a": 2}',
            '{"text": NaN}',
        ]
    )
    | values
)
named = st.sampled_from(
    [call("echo"), call("need"), call("nope"), call("echo", {}, None), call("echo", {}, "same")]
)
calls = st.builds(
    lambda made, text: {**made, "function": {**made["function"], "arguments": text}},
    named,
    arguments,
)
sound = st.builds(
    lambda content, made, more: answer(content, *made, **more),
    st.none() | contents,
    st.lists(calls, max_size=3),
    st.sampled_from(
        [
            {},
            {"reasoning": "why"},
            {"reasoning_content": 3},
            {"refusal": "no"},
            {"finish": "length"},
        ]
    ),
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


@st.composite
def bent(draw: st.DrawFn) -> Any:
    """A sound answer with some of it replaced, or something else altogether."""
    body = copy.deepcopy(draw(sound))
    for _ in range(draw(st.integers(0, 3))):
        *path, last = draw(st.sampled_from([place for place in places(body) if place]))
        at = body
        for key in path:
            at = at[key]
        if draw(st.booleans()):
            at[last] = draw(values)
        elif isinstance(at, dict):
            del at[last]
    return draw(st.sampled_from([body, body, body, body, draw(values)]))


def strictly_paired(messages: list[Any]) -> bool:
    """Whether each assistant message's calls are answered at once, in order, under unique ids, and
    everything is JSON.
    """
    waiting: list[str] = []
    for message in messages:
        json.dumps(message, allow_nan=False)
        assert isinstance(message["content"], str)
        if message["role"] == "tool":
            if not waiting or message["tool_call_id"] != waiting.pop(0):
                return False
            continue
        ids = [made["id"] for made in message.get("tool_calls", ())]
        for made in message.get("tool_calls", ()):
            assert made["type"] in ("function", "custom")
            assert made["type"] == "custom" or isinstance(
                json.loads(made["function"]["arguments"]), dict
            )
        if (
            waiting
            or len(set(ids)) < len(ids)
            or not all(isinstance(made, str) and made for made in ids)
        ):
            return False
        waiting = ids
    return not waiting


policies = st.sampled_from(["strict", "normalize", "repair"])


@given(
    st.lists(bent(), min_size=1, max_size=4),
    values,
    st.sampled_from(["hermes", None]),
    policies,
    st.booleans(),
)
def test_any_answer_and_any_result(
    answers: list[Any], result: Any, parser: Any, policy: Any, parallel: bool
) -> None:
    server = Stub(*answers)
    running = ak.AgentLoop(
        server,
        [ECHO, schema("need", ["text"], text="string")],
        {"echo", "need"},
        4,
        text_calls=parser,
        policy=policy,
        parallel_tools=parallel,
        dispatch=lambda name, args, **extra: result,
    )
    messages = list(USER)
    ran = asyncio.run(running.run(messages))
    assert ran.stop_reason in ("final", "max_turns", "length", "error")
    assert (ran.error is None) == (ran.stop_reason != "error")
    assert strictly_paired(messages)
    assert running.trajectory.messages == messages
    assert len(ran.reasoning_per_turn) == len(ran.trajectory.turns)
    lines = [encode_line(line) for line in dump(ran.trajectory)]
    (loaded,) = load_lines(decode_lines(lines))
    assert [encode_line(line) for line in dump(loaded)] == lines
    assert repr(ran)
    assert "text/html" in ran._repr_mimebundle_()


@given(
    sound.filter(
        lambda body: all(
            isinstance(c["function"]["arguments"], str)
            for c in body["choices"][0]["message"].get("tool_calls", ())
        )
    )
)
def test_an_answer_reads_the_same_in_every_shape(body: dict[str, Any]) -> None:
    def read(shape: str) -> Any:
        running = ak.AgentLoop(
            Stub(body, answer("done"), shape=SHAPES[shape]),
            [ECHO],
            {"echo"},
            2,
            dispatch=lambda name, args, **extra: name,
        )
        result = asyncio.run(running.run(list(USER)))
        return [result.messages, result.stop_reason, [p.code for p in result.trajectory.problems]]

    assert read("dict") == read("attributes") == read("text")
