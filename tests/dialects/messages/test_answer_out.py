"""An answer written back as Messages blocks, as a body and as a stream (all constructed)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.dialects.messages.answer_out import body_out, events_out, items
from agentkit.read.response import read_response
from agentkit.read.stream.stream_reader import read_stream
from agentkit.trajectory.person.by_hand import rewritten
from agentkit.types.answer import Response

THINKING = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
TEXT = {"type": "text", "text": "It is so.", "citations": [{"type": "char_location"}]}


def use(name: str = "search", ident: Any = "toolu_1", given: Any = None) -> dict[str, Any]:
    given = {"q": "x"} if given is None else given
    return {"type": "tool_use", "id": ident, "name": name, "input": given, "caller": {"type": "a"}}


def answer(*blocks: Any, **more: Any) -> Response:
    body = {"id": "msg_1", "type": "message", "role": "assistant", "content": list(blocks)}
    return read_response({**body, "stop_reason": "tool_use", **more})


def streamed(response: Response) -> Response:
    text = "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events_out(response)
    )
    return read_stream([text[at : at + 11] for at in range(0, len(text), 11)])


def meaning(response: Response) -> dict[str, Any]:
    """List what an answer means, whatever wire it came over."""
    names = [
        "content",
        "reasoning",
        "reasoning_blocks",
        "server_steps",
        "refusal",
        "finish_reason",
        "usage",
        "id",
    ]
    found = {name: getattr(response, name) for name in names}
    found["raw"] = [block.raw for block in response.reasoning_blocks]
    found["steps"] = [(step.raw, step.outcome) for step in response.server_steps]
    calls = response.tool_calls
    found["calls"] = [(c.id, c.name, c.raw_arguments, c.arguments, c.status) for c in calls]
    return found


def test_what_nobody_changed_goes_back_as_it_came() -> None:
    blocks = [THINKING, {"type": "redacted_thinking", "data": "eA=="}, TEXT, use(), {"type": "new"}]
    assert items(answer(*blocks)) == blocks


def test_other_arguments_change_their_block_alone() -> None:
    read = answer(THINKING, TEXT, use(), use("fetch", "toolu_2"))
    first, second = read.tool_calls
    read = replace(read, tool_calls=(first, rewritten(second, {"u": 1})))
    assert items(read) == [THINKING, TEXT, use(), use("fetch", "toolu_2", {"u": 1})]


def test_a_call_that_was_taken_out_takes_its_block_along() -> None:
    read = answer(THINKING, use(), use("fetch", "toolu_2"))
    assert items(replace(read, tool_calls=read.tool_calls[1:])) == [
        THINKING,
        use("fetch", "toolu_2"),
    ]


def test_an_adopted_call_is_a_block_behind_the_text_it_was_taken_from() -> None:
    text = 'Now <tool_call>{"name": "search", "arguments": {"q": "x"}}</tool_call>'
    read = answer(THINKING, {"type": "text", "text": text}, stop_reason="end_turn")
    [call] = read.recoverable
    read = replace(read, tool_calls=(replace(call, position=0, adopted=0),), recoverable=())
    found = items(read)
    assert found[:2] == [THINKING, {"type": "text", "text": "Now "}]
    assert found[2:] == [{"type": "tool_use", "id": call.id, "name": "search", "input": {"q": "x"}}]


def test_a_text_that_a_person_wrote_has_no_citations() -> None:
    read = replace(answer(THINKING, TEXT, use()), wire_content="No.", content="No.")
    assert items(read) == [THINKING, {"type": "text", "text": "No."}, use()]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (use(given='{"q": '), {**use(), "input": {}}),
        (use(given='{"q": "x"}'), use()),
        (use(ident=None), {**use(), "id": "call_0"}),
        (use(name=""), {**use(), "name": "unknown_tool"}),
    ],
)
def test_a_block_that_could_not_be_taken_is_mended(block: Any, expected: Any) -> None:
    assert items(answer(THINKING, block)) == [THINKING, expected]


def test_calls_that_were_wrapped_in_one_go_back_one_by_one() -> None:
    inner = [{"recipient_name": f"functions.{n}", "parameters": {"q": n}} for n in "ab"]
    block = use("multi_tool_use.parallel", given={"tool_uses": inner})
    read = answer(block, use("fetch", "toolu_2"))
    found = items(read)
    assert [(b["id"], b["input"]) for b in found] == [
        (call.id, call.arguments) for call in read.tool_calls
    ]
    assert len(found) == 3


def test_an_answer_of_another_dialect_goes_back_without_its_reasoning() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    message = {"role": "assistant", "content": "hi", "reasoning": "hm", "tool_calls": [call]}
    read = read_response({"choices": [{"message": message, "finish_reason": "tool_calls"}]})
    blocks = [
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
    ]
    assert items(read) == blocks
    body = body_out(read)
    assert body["content"] == [{"type": "thinking", "thinking": "hm", "signature": ""}, *blocks]
    assert body["stop_reason"] == "tool_use"
    for back in (read_response(body), streamed(read)):
        assert (back.content, back.reasoning) == ("hi", "hm")
        assert [(c.id, c.arguments) for c in back.tool_calls] == [("c", {"a": 1})]


@pytest.mark.parametrize(
    ("word", "called"), [("stop", "end_turn"), ("length", "max_tokens"), (None, None)]
)
def test_the_word_for_the_end_is_translated(word: str | None, called: str | None) -> None:
    message = {"role": "assistant", "content": "hi"}
    read = read_response({"choices": [{"message": message, "finish_reason": word}]})
    assert body_out(read)["stop_reason"] == called


def test_the_events_are_in_anthropics_order() -> None:
    read = answer(THINKING, TEXT, use(), usage={"input_tokens": 3, "output_tokens": 9})
    events = events_out(read)
    kinds = [(e["type"], e.get("index"), (e.get("delta") or {}).get("type")) for e in events]
    assert kinds == [
        ("message_start", None, None),
        ("content_block_start", 0, None),
        ("content_block_delta", 0, "thinking_delta"),
        ("content_block_delta", 0, "signature_delta"),
        ("content_block_stop", 0, None),
        ("content_block_start", 1, None),
        ("content_block_delta", 1, "citations_delta"),
        ("content_block_delta", 1, "text_delta"),
        ("content_block_stop", 1, None),
        ("content_block_start", 2, None),
        ("content_block_delta", 2, "input_json_delta"),
        ("content_block_delta", 2, "input_json_delta"),
        ("content_block_stop", 2, None),
        ("message_delta", None, None),
        ("message_stop", None, None),
    ]
    assert events[0]["message"]["usage"] == {"input_tokens": 3, "output_tokens": 1}
    assert events[-2]["usage"] == {"input_tokens": 3, "output_tokens": 9}


VALUE = st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=30)
INPUT = st.dictionaries(st.text(max_size=4), VALUE | st.lists(VALUE, max_size=2), max_size=3)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="<>[]{}`"), max_size=60)
NAMES = st.sampled_from(["search", "fetch", "get_weather"])
BLOCKS = st.lists(
    st.one_of(
        st.builds(lambda t: {"type": "text", "text": t}, WORDS),
        st.just(TEXT),
        st.builds(
            lambda t, s: {"type": "thinking", "thinking": t, "signature": s},
            WORDS,
            st.sampled_from(["", "c2ln"]),
        ),
        st.just({"type": "redacted_thinking", "data": "eA=="}),
        st.builds(lambda n, i: use(n, "", i), NAMES, INPUT),
        st.builds(
            lambda i: {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": i},
            INPUT,
        ),
        st.just({"type": "web_search_tool_result", "tool_use_id": "srv", "content": []}),
        st.just({"type": "container_upload", "file_id": "f"}),
    ),
    max_size=6,
)
USAGE = st.none() | st.fixed_dictionaries(
    {"input_tokens": st.integers(0, 9), "output_tokens": st.integers(0, 9)},
    optional={
        "cache_read_input_tokens": st.none() | st.integers(0, 9),
        "output_tokens_details": st.just({"thinking_tokens": 4}),
    },
)
ENDS = st.sampled_from(["end_turn", "tool_use", "max_tokens", "pause_turn", "refusal", None])


@settings(max_examples=120)
@given(BLOCKS, ENDS, USAGE)
def test_a_written_answer_is_read_as_itself(blocks: Any, word: str | None, usage: Any) -> None:
    blocks = [
        {**block, "id": f"toolu_{i}"} if block["type"] == "tool_use" else block
        for i, block in enumerate(blocks)
    ]
    details = {"type": "refusal", "category": None, "explanation": "no"}
    more = {"stop_details": details} if word == "refusal" else {}
    read = answer(*blocks, stop_reason=word, usage=usage, **more)
    assert items(read) == blocks
    assert meaning(read_response(body_out(read))) == meaning(read)
    assert meaning(streamed(read)) == meaning(read)


@settings(max_examples=60)
@given(st.data())
def test_an_answer_that_was_cut_anywhere_is_read_as_itself(data: Any) -> None:
    whole = events_out(answer(THINKING, TEXT, use(), use("fetch", "toolu_2", {"u": [1, 2]})))
    came = whole[: data.draw(st.integers(1, len(whole)))]
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in came)
    read = read_stream(text)
    assert meaning(streamed(read)) == meaning(read)
    if all(call.valid for call in read.tool_calls):  # a block has no call that is still coming
        assert meaning(read_response(body_out(read))) == meaning(read)
    assert all(isinstance(block.get("input", {}), dict) for block in items(read))
