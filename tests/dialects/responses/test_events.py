"""Responses streams: read as the block they amount to, cut anywhere; what events, `done` events and
the final object say otherwise is told. The streams are constructed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, get_args

import openai.types.responses as sdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentkit as ak
from agentkit.dialects.responses.events import ResponsesEvents
from agentkit.read.stream.stream_reader import StreamReader
from tests.dialects.responses.constructed import BODIES, body, call, events_of, stream, text
from tests.support.growth import assert_linear

KINDS = [
    get_args(kind.model_fields["type"].annotation)[0]
    for kind in get_args(get_args(sdk.ResponseStreamEvent)[0])
]
"""The names of the events that the newest package knows."""
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "in short"}],
    "content": [{"type": "reasoning_text", "text": "at length"}],
    "encrypted_content": "gAAAAB",
}
CUSTOM = {
    "type": "custom_tool_call",
    "id": "ctc_2",
    "call_id": "call_2",
    "name": "sh",
    "input": "ls -l",
}
ALL = body(REASONING, text("Hello", " you"), call(), CUSTOM)
Event = dict[str, Any]


def differences(events: list[Event]) -> list[str]:
    """Tell what the stream's events and its end do not agree in."""
    found = ak.read_stream(stream(events)).problems
    return [p.message for p in found if p.code == "stream_final_differs"]


def without(events: list[Event], *endings: str) -> list[Event]:
    """Leave out the events with these names; the others are numbered anew."""
    kept = [event for event in events if not event["type"].endswith(endings)]
    return [{**event, "sequence_number": number} for number, event in enumerate(kept)]


def same(a: ak.Response, b: ak.Response) -> bool:
    """Tell whether two answers are the same but for what a stream says of itself."""
    own = {"stream_no_finish", "stream_error_event", "error_in_200", "stream_truncated"}
    codes = [{p.code for p in r.all_problems} - own for r in (a, b)]
    values = [
        (r.wire_content, r.reasoning, r.refusal, r.finish_reason, r.items, r.server_steps)
        for r in (a, b)
    ]
    calls = [[(c.id, c.name, c.raw_arguments, c.status) for c in r.tool_calls] for r in (a, b)]
    return values[0] == values[1] and calls[0] == calls[1] and codes[0] == codes[1]


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_of_the_package_is_known(kind: str) -> None:
    events = ResponsesEvents()
    events.add({"type": kind, "output_index": 0, "item_id": "x", "response": None})
    assert not events.problems


@given(BODIES)
def test_a_stream_is_read_as_its_block(data: dict[str, Any]) -> None:
    events = events_of(data)
    streamed, block = ak.read_stream(stream(events)), ak.read_response(data)
    assert same(streamed, block)
    assert not differences(events)


@given(BODIES, st.data())
def test_a_stream_that_is_cut_is_the_block_that_it_amounts_to(
    data: dict[str, Any], chosen: st.DataObject
) -> None:
    sent = stream(events_of(data)).encode()
    cut = chosen.draw(st.integers(0, len(sent)))
    reader = StreamReader()
    reader.feed(sent[:cut])
    streamed = reader.finish()
    assert not {p.code for p in streamed.problems} & {"stream_final_differs", "item_unknown"}
    if reader._dialect is None:
        return
    events = ResponsesEvents()
    for event in events_of(data):
        # whole without the blank line behind it, too: its JSON has ended
        if stream([event]).encode().rstrip(b"\n") in sent[:cut]:
            events.add(event)
    if not events.ended:
        assert streamed.finish_reason is None
        assert "status" not in events.body()
        whole = "".join(part["text"] for part in _texts(data))
        assert whole.startswith(streamed.wire_content or "")


def _texts(data: dict[str, Any]) -> list[dict[str, Any]]:
    messages = [item for item in data["output"] if item["type"] == "message"]
    parts = [part for item in messages for part in item["content"]]
    return [part for part in parts if part["type"] == "output_text"]


@pytest.mark.parametrize("count", range(1, len(events_of(ALL))))
def test_deltas_alone_hold_what_came(count: int) -> None:
    events = ResponsesEvents()
    shown = {"content": "", "reasoning": "", "arguments": ""}
    for event in events_of(ALL)[:count]:
        for delta in events.add(event):
            if delta.kind in shown:
                shown[delta.kind] += delta.text
    read = ak.read_response(events.body())
    assert (read.wire_content or "") == shown["content"]
    assert (read.reasoning or "") == shown["reasoning"]
    assert "".join(c.raw_arguments for c in read.tool_calls) == shown["arguments"]


def test_calls_keep_their_places_as_they_grow() -> None:
    growing = [d for event in events_of(ALL) for d in _SHARED.add(event)]
    names = [(d.position, d.text) for d in growing if d.kind == "name"]
    assert names == [(0, "add"), (1, "sh")]
    second = [d.text for d in growing if d.kind == "arguments" and d.position == 1]
    assert "".join(second) == "ls -l"


_SHARED = ResponsesEvents()


@pytest.mark.parametrize(
    "endings",
    [
        (".added",),
        ("text.done", "part.done", "arguments.done", "input.done"),
        ("item.done",),
        (".created", ".in_progress"),
        (".added", ".done"),
        ("part.added", "part.done"),
    ],
)
def test_events_that_are_missing_cost_nothing(endings: tuple[str, ...]) -> None:
    events = without(events_of(ALL), *endings)
    read = ak.read_stream(stream(events))
    assert same(read, ak.read_response(ALL))
    assert not read.problems


@pytest.mark.parametrize("endings", [("item.done", ".completed"), ("item.added", ".completed")])
def test_without_an_end_the_other_events_hold_the_answer(endings: tuple[str, ...]) -> None:
    read = ak.read_stream(stream(without(events_of(ALL), *endings)))
    assert (read.content, read.finish_reason) == ("Hello you", None)
    assert [c.raw_arguments for c in read.tool_calls] == ['{"a": 1}', "ls -l"]
    assert [c.name for c in read.tool_calls] == ["add", "sh"]
    assert "stream_no_finish" in {p.code for p in read.problems}


Change = Callable[[dict[str, Any]], None]


def _of(kind: str, change: Change) -> Callable[[list[Event]], None]:
    """Change the data of the last event with a name that ends so."""

    def apply(events: list[Event]) -> None:
        change([event for event in events if event["type"].endswith(kind)][-1])

    return apply


def _final(change: Change) -> Callable[[list[Event]], None]:
    return _of(".completed", lambda event: change(event["response"]))


DIFFERENT: dict[str, tuple[Callable[[list[Event]], None], str]] = {
    "text of the done event": (
        _of("output_text.done", lambda e: e.update(text="other")),
        "the text of",
    ),
    "text at the end": (
        _final(lambda r: r["output"][1]["content"][0].update(text="other")),
        "the text of",
    ),
    "arguments of the item": (
        _of("arguments.done", lambda e: e.update(arguments="{}")),
        "the arguments of",
    ),
    "arguments at the end": (
        _final(lambda r: r["output"][2].update(arguments="{}")),
        "the arguments of",
    ),
    "a call's id": (_final(lambda r: r["output"][2].update(call_id="c")), "the call_id of"),
    "an item's id": (_final(lambda r: r["output"][1].update(id="m")), "the id of"),
    "a name": (_final(lambda r: r["output"][2].update(name="sub")), "the name of"),
    "fewer items": (_final(lambda r: r["output"].pop()), "3 output items, the events 4"),
    "more items": (_final(lambda r: r["output"].append(text("x"))), "5 output items"),
    "another answer": (_final(lambda r: r.update(id="resp_2")), "the id of the answer"),
    "numbers that go back": (
        _of("output_text.done", lambda e: e.update(sequence_number=0)),
        "comes after event",
    ),
    "reasoning": (
        _final(lambda r: r["output"][0]["summary"][0].update(text="other")),
        "the reasoning of",
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_named(name: str) -> None:
    change, words = DIFFERENT[name]
    events = copy.deepcopy(events_of(ALL))
    change(events)
    assert any(words in message for message in differences(events)), differences(events)


def test_arguments_that_came_in_no_delta_are_told() -> None:
    events = without(events_of(ALL), "arguments.delta")
    assert ["the arguments of" in message for message in differences(events)] == [True]


def test_encrypted_content_may_differ_and_the_last_is_kept() -> None:
    events = copy.deepcopy(events_of(ALL))
    _final(lambda r: r["output"][0].update(encrypted_content="gBBBB"))(events)
    read = ak.read_stream(stream(events))
    assert not read.problems
    assert read.items[0]["encrypted_content"] == "gBBBB"


def test_a_stream_without_numbers_has_no_gap() -> None:
    events = [{k: v for k, v in e.items() if k != "sequence_number"} for e in events_of(ALL)]
    assert not ak.read_stream(stream(events)).problems


def test_a_lost_event_is_told_by_its_number() -> None:
    events = events_of(ALL)
    del events[6]
    assert any("are missing" in message for message in differences(events))


def test_an_unknown_event_is_kept_and_named() -> None:
    events = events_of(ALL)
    events.insert(3, {"type": "response.hologram.delta", "delta": "x"})
    read = ak.read_stream(stream(events))
    assert [p.code for p in read.problems] == ["item_unknown"]
    assert "response.hologram.delta" in read.problems[0].message
    assert read.content == "Hello you"


def test_a_type_is_taken_from_the_name_of_the_event() -> None:
    sent = "".join(stream([e]).replace(f'"type": "{e["type"]}", ', "", 1) for e in events_of(ALL))
    read = ak.read_stream(sent)
    assert same(read, ak.read_response(ALL))


def test_items_under_one_index_stay_apart() -> None:
    events = [{**e, "output_index": 0} if "output_index" in e else e for e in events_of(ALL)]
    read = ak.read_stream(stream(events))
    assert [c.name for c in read.tool_calls] == ["add", "sh"]
    assert "index_collision" in {p.code for p in read.problems}
    cut = ak.read_stream(stream(events[:-1]))
    assert (cut.content, [c.raw_arguments for c in cut.tool_calls]) == (
        "Hello you",
        ['{"a": 1}', "ls -l"],
    )


def test_an_end_without_items_leaves_those_that_came() -> None:
    events = copy.deepcopy(events_of(ALL))
    _final(lambda r: r["output"].clear())(events)
    read = ak.read_stream(stream(events))
    assert (read.content, read.finish_reason) == ("Hello you", "completed")
    assert any("0 output items" in message for message in differences(events))


def test_an_answer_that_ends_incomplete_under_the_name_of_a_complete_one() -> None:
    ending = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    events = events_of(body(text("Hel"), **ending))
    events[-1] = {**events[-1], "type": "response.completed"}
    read = ak.read_stream(stream(events))
    assert read.finish_reason == "max_output_tokens"
    assert [p.code for p in read.problems] == ["finish_length"]


def test_errors_have_their_kind() -> None:
    failed = body(status="failed", error={"code": "rate_limit_exceeded", "message": "slow down"})
    error = {"type": "error", "code": "server_error", "message": "it broke", "param": None}
    for events in (events_of(failed), [*events_of(ALL)[:9], error]):
        read = ak.read_stream(stream(events))
        assert [p.code for p in read.problems].count("stream_error_event") == 1
        assert any(event["type"] == "error" for event in events) or read.finish_reason == "failed"


def test_likelihoods_of_a_stream_that_was_cut_are_kept() -> None:
    item = text("Hi")
    item["content"][0]["logprobs"] = [{"token": t, "logprob": -1.0} for t in ("H", "i")]
    events = events_of(body(item))
    place = next(n for n, e in enumerate(events) if e["type"].endswith("output_text.done"))
    read = ak.read_stream(stream(events[:place]))
    assert [entry.token for entry in read.logprobs] == ["H", "i"]


@given(st.lists(st.sampled_from(events_of(ALL)), max_size=25), st.randoms(use_true_random=False))
def test_events_in_any_order_are_read(events: list[Event], chance: Any) -> None:
    spoiled = [
        {k: v for k, v in event.items() if k == "type" or chance.random() > 0.2} for event in events
    ]
    for sent in (events, spoiled):
        ak.read_stream(stream(sent))


def test_a_long_stream_is_read_in_linear_time() -> None:
    def work(size: int) -> Callable[[], object]:
        one = body(text("word " * size), *(call(number=n) for n in range(size // 10)))
        sent = stream(events_of(one))
        return lambda: ak.read_stream(sent)

    assert_linear(work, 300, 1200)


def test_many_parts_and_many_ends_are_read_in_linear_time() -> None:
    def work(size: int) -> Callable[[], object]:
        parts = [
            {
                "type": "response.output_text.delta",
                "output_index": 0,
                "content_index": n,
                "delta": "a",
            }
            for n in range(size)
        ]
        ends = [{"type": "response.completed", "response": body()} for _ in range(size)]
        sent = stream([*parts, *ends])
        return lambda: ak.read_stream(sent)

    assert_linear(work, 400, 1600)
