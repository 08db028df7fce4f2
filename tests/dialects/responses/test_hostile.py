"""Responses bodies and streams in which anything stands anywhere: nothing raises, what came is kept,
and what is written of it is read as the same.
"""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.dialects.responses.answer_out import body_out, items
from agentkit.dialects.responses.events import ResponsesEvents
from agentkit.dialects.responses.events_out import events_out
from agentkit.dialects.responses.preflight import input_problems
from agentkit.trajectory.profiles import get_profile
from tests.dialects.responses.constructed import body, call, events_of, stream, text

REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "hm"}],
    "content": [{"type": "reasoning_text", "text": "ah"}],
    "encrypted_content": "gAAAA",
}
BASE = body(
    REASONING,
    text("Hello", " you"),
    call(),
    {"type": "custom_tool_call", "id": "ct", "call_id": "c2", "name": "sh", "input": "ls"},
    {"type": "shell_call", "id": "s", "call_id": "c3", "action": {"commands": ["ls"]}},
    {"type": "mcp_call", "id": "m", "name": "n", "arguments": "{}", "output": "x"},
    {"type": "code_interpreter_call", "id": "ci", "code": "1 + 1"},
    {"type": "computer_call", "id": "cc", "call_id": "c4", "actions": [{}]},
    {"type": "shell_call_output", "id": "so", "call_id": "c3", "output": [{"stdout": "a"}]},
)
MORE: list[dict[str, Any]] = [
    {
        "type": "response.shell_call_command.delta",
        "output_index": 4,
        "command_index": 0,
        "delta": "l",
    },
    {
        "type": "response.shell_call_output_content.delta",
        "output_index": 8,
        "command_index": 0,
        "delta": {"stdout": "x"},
    },
    {
        "type": "response.output_text.annotation.added",
        "output_index": 1,
        "content_index": 0,
        "annotation": {},
    },
    {"type": "response.mcp_call.failed", "output_index": 5},
    {"type": "error", "error": {"message": "x"}},
]
EVENTS = [*events_of(BASE), *MORE]
ODD: list[Any] = [
    *(None, True, 0, -1, 5, 1.5, 10**9, 10**30, "", "x", "message", "function_call"),
    *([], [1], [None], [[]], {}, {"type": "message"}, {"text": 1}, [{"type": "output_text"}]),
]


def spoiled(value: Any, chance: Random, rate: float) -> Any:
    """Put something else in place of parts of a value, or leave them out."""
    if chance.random() < rate:
        return chance.choice(ODD)
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if chance.random() > rate / 2}
        return {key: spoiled(item, chance, rate) for key, item in kept.items()}
    if isinstance(value, list):
        return [spoiled(item, chance, rate) for item in value if chance.random() > rate / 2]
    return value


@given(st.randoms(use_true_random=False), st.sampled_from([0.02, 0.1, 0.3]))
def test_any_body_is_read_and_written(chance: Random, rate: float) -> None:
    data = spoiled(copy.deepcopy(BASE), chance, rate)
    read = ak.read_response(json.dumps(data))
    if not isinstance(data, dict) or read.dialect != "responses":
        return
    again = ak.read_response(json.dumps(body_out(read)))
    assert again.items == tuple(_named(again.items, read.items))
    assert (again.content, again.reasoning) == (read.content, read.reasoning)
    assert [c.raw_arguments for c in again.tool_calls] == [c.raw_arguments for c in read.tool_calls]
    assert again.finish_reason == read.finish_reason
    ak.read_stream(stream(events_out(read)))
    for profile in ("openai", "vllm", "deepseek"):
        list(input_problems(items(read), get_profile(profile)))


def _named(given_ids: tuple[Any, ...], came: tuple[Any, ...]) -> list[Any]:
    """Give the items that came the ids that were made for them."""
    kept = [item for item in came if isinstance(item, dict)]
    pairs = zip(given_ids, kept, strict=True)
    return [{**old, "id": new["id"]} if old.get("id") is None else old for new, old in pairs]


@given(st.randoms(use_true_random=False), st.sampled_from([0.02, 0.1, 0.3]), st.booleans())
def test_any_events_are_read(chance: Random, rate: float, mixed: bool) -> None:
    listed = [spoiled(event, chance, rate) for event in copy.deepcopy(EVENTS)]
    if mixed:
        chance.shuffle(listed)
    sent = [event for event in listed if isinstance(event, dict)]
    events = ResponsesEvents()
    for event in sent:
        events.add(event, chance.choice(["", "error", "response.completed"]))
    ak.read_response(json.dumps(events.body()))
    ak.read_stream(stream(sent))
