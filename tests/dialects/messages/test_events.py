"""What the events of a Messages stream amount to (all streams are constructed)."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from functools import partial as bound
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.dialects.delta import Delta
from agentkit.dialects.messages.events import MessagesEvents
from agentkit.read.response import read_response
from agentkit.read.stream.stream_reader import read_stream
from agentkit.types.answer import Response
from tests.support.growth import assert_linear

HEAD = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": []}
START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        **HEAD,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1},
    },
}
STOP = {"type": "message_stop"}


def end(word: str | None = "end_turn", **usage: Any) -> dict[str, Any]:
    delta = {"stop_reason": word, "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9, **usage}}


def begin(index: int, block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index: int, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def text(index: int, value: str) -> dict[str, Any]:
    return piece(index, type="text_delta", text=value)


def partial(index: int, value: str) -> dict[str, Any]:
    return piece(index, type="input_json_delta", partial_json=value)


def stop(index: int, **more: Any) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index, **more}


def use(given: Any = None, kind: str = "tool_use") -> dict[str, Any]:
    return {"type": kind, "id": "toolu_1", "name": "search", "input": given or {}}


def put_together(*events: dict[str, Any]) -> MessagesEvents:
    found = MessagesEvents()
    for event in events:
        found.add(event)
    return found


def sse(*events: dict[str, Any]) -> str:
    return "".join(f"event: {e.get('type')}\ndata: {json.dumps(e)}\n\n" for e in events)


def streamed(*events: dict[str, Any]) -> Response:
    return read_stream(sse(*events))


def codes(response: Response) -> list[str]:
    return [found.code for found in response.all_problems]


RESULT = {"type": "mcp_tool_result", "tool_use_id": "toolu_1", "is_error": False, "content": []}
WHOLE = (
    START,
    begin(0, {"type": "thinking", "thinking": "", "signature": ""}),
    piece(0, type="thinking_delta", thinking="h"),
    piece(0, type="thinking_delta", thinking="m"),
    piece(0, type="signature_delta", signature="c2ln"),
    stop(0),
    {"type": "ping"},
    begin(1, {"type": "text", "text": "", "citations": []}),
    piece(1, type="citations_delta", citation={"type": "char_location", "cited_text": "so"}),
    text(1, "It is "),
    text(1, "so ü."),
    stop(1),
    begin(2, use(kind="mcp_tool_use")),
    partial(2, ""),
    partial(2, '{"a": 1}'),
    stop(2),
    begin(3, RESULT),
    stop(3),
    begin(4, use()),
    partial(4, ""),
    partial(4, '{"q":'),
    partial(4, '"x"}'),
    stop(4),
    end("tool_use", input_tokens=7, cache_read_input_tokens=None),
    STOP,
)
BODY = {
    **START["message"],
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {
            "type": "text",
            "text": "It is so ü.",
            "citations": [{"type": "char_location", "cited_text": "so"}],
        },
        use({"a": 1}, "mcp_tool_use"),
        RESULT,
        use({"q": "x"}),
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 7, "cache_read_input_tokens": 2, "output_tokens": 9},
}


def test_a_stream_amounts_to_the_body_it_tells_of() -> None:
    events = put_together(*WHOLE)
    assert events.body() == BODY
    assert (events.problems, events.ended) == ({}, True)


def test_a_stream_is_read_as_its_block_is() -> None:
    read, block = streamed(*WHOLE), read_response(BODY)
    assert codes(read) == []
    for name in ("content", "reasoning", "server_steps", "usage", "finish_reason", "items"):
        assert getattr(read, name) == getattr(block, name)
    assert [c.arguments for c in read.tool_calls] == [c.arguments for c in block.tool_calls]


def test_the_arguments_of_a_call_are_the_text_that_was_streamed() -> None:
    [call] = streamed(*WHOLE).tool_calls
    assert (call.raw_arguments, call.arguments) == ('{"q":"x"}', {"q": "x"})


def test_a_streamed_input_is_copied_with_its_text() -> None:
    given = put_together(*WHOLE).body()["content"][4]["input"]
    for copied in (copy.deepcopy(given), pickle.loads(pickle.dumps(given))):
        assert (copied, copied.text) == ({"q": "x"}, '{"q":"x"}')


def test_events_tell_what_they_add() -> None:
    events = MessagesEvents()
    assert [delta for event in WHOLE for delta in events.add(event)] == [
        Delta(kind="reasoning", text="h"),
        Delta(kind="reasoning", text="m"),
        Delta(kind="content", text="It is "),
        Delta(kind="content", text="so ü."),
        Delta(kind="name", text="search"),
        Delta(kind="arguments", text=""),
        Delta(kind="arguments", text='{"q":'),
        Delta(kind="arguments", text='"x"}'),
    ]


def test_interleaved_calls_keep_their_places() -> None:
    events = MessagesEvents()
    given = (
        START,
        begin(0, use()),
        begin(1, {**use(), "id": "toolu_2", "name": "fetch"}),
        partial(1, '{"b":'),
        partial(0, '{"a":'),
        partial(1, "2}"),
        partial(0, "1}"),
        stop(0),
        stop(1),
        end("tool_use"),
        STOP,
    )
    deltas = [delta for event in given for delta in events.add(event)]
    assert [(d.position, d.text) for d in deltas if d.kind == "arguments"] == [
        (1, '{"b":'),
        (0, '{"a":'),
        (1, "2}"),
        (0, "1}"),
    ]
    read = streamed(*given)
    assert [(c.id, c.arguments) for c in read.tool_calls] == [
        ("toolu_1", {"a": 1}),
        ("toolu_2", {"b": 2}),
    ]
    assert codes(read) == []


@pytest.mark.parametrize(
    ("blocks", "word", "arguments", "found"),
    [
        ((begin(0, use()), partial(0, ""), stop(0)), "tool_use", {}, []),
        ((begin(0, use()), stop(0)), "tool_use", {}, []),
        ((begin(0, use()),), "tool_use", {}, []),
        ((begin(0, use({"a": 1})), stop(0)), "tool_use", {"a": 1}, []),
        (
            (begin(0, use()), stop(0)),
            "max_tokens",
            None,
            ["finish_length", "arguments_truncated"],
        ),
        (
            (begin(0, use()), partial(0, '{"a": "b'), stop(0)),
            "max_tokens",
            None,
            ["finish_length", "arguments_truncated"],
        ),
        (
            (begin(0, use()), partial(0, '{"a": 1}'), stop(0)),
            "max_tokens",
            {"a": 1},
            ["finish_length"],
        ),
        ((begin(0, use()), partial(0, "[1]"), stop(0)), "tool_use", None, ["arguments_not_object"]),
        (
            (begin(0, use({"a": 1})), partial(0, '{"a": 2}'), stop(0)),
            "tool_use",
            {"a": 2},
            ["stream_final_differs"],
        ),
    ],
)
def test_an_empty_input_at_the_start_is_a_place_for_what_comes(
    blocks: tuple[dict[str, Any], ...], word: str, arguments: Any, found: list[str]
) -> None:
    read = streamed(START, *blocks, end(word), STOP)
    assert [call.arguments for call in read.tool_calls] == [arguments]
    assert codes(read) == found


def test_a_start_without_input_or_signature_is_filled_by_its_deltas() -> None:
    bare = {"type": "tool_use", "id": "toolu_1", "name": "search"}
    read = streamed(
        START,
        begin(0, {"type": "thinking"}),
        piece(0, type="signature_delta", signature="c2ln"),
        stop(0),
        begin(1, bare),
        partial(1, '{"a": 1}'),
        stop(1),
        end("tool_use"),
        STOP,
    )
    assert read.items == (
        {"type": "thinking", "signature": "c2ln"},
        {**bare, "input": {"a": 1}},
    )
    assert codes(read) == []


def test_what_is_whole_at_its_start_needs_no_deltas() -> None:
    signed = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    events = put_together(START, begin(0, signed), stop(0), begin(1, {"type": "text", "text": "x"}))
    assert events.body()["content"] == [signed, {"type": "text", "text": "x"}]


def test_a_cut_stream_holds_what_came() -> None:
    read = streamed(*WHOLE[:10])
    assert (read.content, read.reasoning, read.finish_reason) == ("It is ", "hm", None)
    assert codes(read) == ["stream_no_finish"]


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ((piece(0, type="text_delta", text="x"), end(), STOP), ["stream_final_differs"]),
        ((START, stop(3), begin(0, {"type": "text", "text": "x"}), end(), STOP), None),
        ((START, START, begin(0, {"type": "text", "text": "x"}), end(), STOP), None),
        (
            (START, begin(0, {"type": "text", "text": ""}), stop(0), text(0, "x"), end(), STOP),
            None,
        ),
        ((START, begin(0, {"type": "text", "text": "x"}), end(), end("max_tokens"), STOP), None),
        (
            (START, begin(0, {"type": "text", "text": "x"}), partial(0, "{}"), end(), STOP),
            None,
        ),
        (
            (
                START,
                begin(0, {"type": "text", "text": "x"}),
                stop(0, content_block={"type": "text", "text": "y"}),
                end(),
                STOP,
            ),
            None,
        ),
        (
            (
                START,
                begin(0, {"type": "text", "text": "x"}),
                end(),
                {**STOP, "message": {"content": [{"type": "text", "text": "y"}]}},
            ),
            None,
        ),
    ],
)
def test_events_that_contradict_each_other_are_told(events: Any, found: list[str] | None) -> None:
    read = streamed(*events)
    assert "stream_final_differs" in codes(read)
    assert read.content == "x"


def test_what_an_sdk_says_again_is_no_contradiction() -> None:
    own = {"type": "text", "text": "x", "citations": None, "parsed_output": None}
    read = streamed(
        START,
        begin(0, {"type": "text", "text": ""}),
        text(0, "x"),
        {"type": "text", "text": "x", "snapshot": "x"},
        stop(0, content_block=own),
        end(),
        {**STOP, "message": {**HEAD, "content": [own], "stop_reason": "end_turn"}},
    )
    assert (read.content, codes(read)) == ("x", [])


def test_what_an_sdk_completes_of_a_cut_input_is_no_contradiction() -> None:
    made = use({"q": "x"})  # what the SDK makes of the text below
    read = streamed(
        START,
        begin(0, use(kind="mcp_tool_use")),
        partial(0, '{"a": 1}'),
        stop(0, content_block=use(kind="mcp_tool_use")),  # which the SDK does not follow
        begin(1, use()),
        partial(1, '{"q": "x'),
        stop(1, content_block=made),
        end("max_tokens"),
        {**STOP, "message": {**HEAD, "content": [use(kind="mcp_tool_use"), made]}},
    )
    assert codes(read) == ["finish_length", "arguments_truncated"]


def test_blocks_at_one_index_are_two_blocks() -> None:
    read = streamed(
        START,
        begin(0, {"type": "text", "text": ""}),
        text(0, "a"),
        stop(0),
        begin(0, use()),
        partial(0, '{"a": 1}'),
        stop(0),
        end("tool_use"),
        STOP,
    )
    assert (read.content, [c.arguments for c in read.tool_calls]) == ("a", [{"a": 1}])
    assert codes(read) == ["index_collision"]


def test_events_without_an_index_follow_each_other() -> None:
    given = [dict(event) for event in WHOLE]
    for event in given:
        event.pop("index", None)
    read = streamed(*given)
    assert list(read.items) == BODY["content"]
    assert codes(read) == ["index_missing"]


def test_events_and_deltas_that_are_not_known_are_named() -> None:
    read = streamed(
        START,
        begin(0, {"type": "text", "text": "x"}),
        piece(0, type="taste_delta", taste="sour"),
        {"type": "of_tomorrow"},
        stop(0),
        end(),
        STOP,
    )
    assert (read.content, codes(read)) == ("x", ["item_unknown", "item_unknown"])


def test_a_summary_comes_in_a_delta_of_its_own() -> None:
    events = put_together(
        START,
        begin(0, {"type": "compaction", "content": None}),
        piece(0, type="compaction_delta", content="so far", encrypted_content="b3A="),
        stop(0),
    )
    [block] = events.body()["content"]
    assert block == {"type": "compaction", "content": "so far", "encrypted_content": "b3A="}


def test_an_error_in_the_middle_is_told_and_what_came_is_kept() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    read = streamed(*WHOLE[:10], error)
    assert read.content == "It is "
    assert "stream_error_event" in codes(read)


@settings(max_examples=60)
@given(st.data())
def test_pieces_cut_anywhere_are_read_the_same(data: Any) -> None:
    raw = sse(*WHOLE).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=6)))
    edges = [0, *cuts, len(raw)]
    read = read_stream([raw[a:b] for a, b in pairwise(edges)])
    assert read == streamed(*WHOLE)


def test_a_stream_that_ends_anywhere_is_read() -> None:
    raw = sse(*WHOLE).encode()
    for length in range(0, len(raw), 7):
        read = read_stream(raw[:length])
        assert "It is so ü.".startswith(read.content or "")
        assert all(isinstance(call.raw_arguments, str) for call in read.tool_calls)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def _given(name: str) -> list[Any]:
    """List what the events of the stream above have under this name."""
    return [event[name] for event in WHOLE if name in event]


EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from([e["type"] for e in WHOLE] + ["error", "text"]) | JSON},
    optional={
        "index": st.integers(-1, 3) | JSON,
        "message": JSON | st.just(HEAD),
        "content_block": JSON | st.sampled_from(_given("content_block")),
        "delta": JSON | st.sampled_from(_given("delta")),
        "usage": JSON,
    },
)


@settings(max_examples=150)
@given(st.lists(EVENT, max_size=12))
def test_no_events_make_the_reading_fail(given: list[dict[str, Any]]) -> None:
    events = put_together(*given)
    assert isinstance(events.body()["content"], list)
    streamed(START, *given)


@pytest.mark.slow
def test_the_work_grows_with_the_stream() -> None:
    def work(size: int) -> Callable[[], object]:
        words = [text(0, "word ") for _ in range(size)]
        pieces = [partial(1, '"a", ') for _ in range(size)]
        given = (begin(0, {"type": "text", "text": ""}), *words, begin(1, use()), *pieces)
        return bound(read_stream, sse(START, *given))

    assert_linear(work, 1000, 8000)
