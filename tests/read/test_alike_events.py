"""Events of a stream that are like the one before are not parsed, and what is read is the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit import read_stream
from agentkit.read.stream import stream_reader
from agentkit.read.stream.alike import Run
from agentkit.read.stream.stream_reader import StreamReader
from agentkit.types.answer import Response
from agentkit.types.wire import Chunk
from tests.support.examples import examples
from tests.support.paths import CORPUS

CASES = sorted((CORPUS / "stream").glob("*.json"))


class _Never(Run):
    """Finds no event like another."""

    def next(self, event: str) -> None:
        return None


def fields_of(value: Any) -> Any:
    """Lay out all fields of records, those that equality leaves out among them."""
    if is_dataclass(value) and not isinstance(value, type):
        return [(f.name, fields_of(getattr(value, f.name))) for f in fields(value)]
    if isinstance(value, (list, tuple)):
        return [fields_of(item) for item in value]
    return type(value).__name__, value


def read_whole(pieces: list[Chunk]) -> Response:
    """Read a stream with each event parsed."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stream_reader, "Run", _Never)
        return read_stream(pieces)


def check(texts: list[str]) -> None:
    """Read texts as a stream in both ways, and piece by piece what is shown of it."""
    pieces = [Chunk(at=float(at), text=text) for at, text in enumerate(texts)]
    assert repr(fields_of(read_stream(pieces))) == repr(fields_of(read_whole(pieces)))
    one, other = StreamReader(), StreamReader()
    other._run = _Never()
    for piece in pieces:
        assert repr(fields_of(one.feed(piece))) == repr(fields_of(other.feed(piece)))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_streams_of_the_corpus_are_read_alike(path: Path) -> None:
    """Each event of a case once and twice, alone in its piece and with its neighbour."""
    text = json.loads(path.read_text("utf-8"))["text"]
    events = [f"{lines}\n\n" for lines in text.split("\n\n")]
    check(events)
    check([event for event in events for _ in range(2)])
    check(["".join(events[at : at + 2]) for at in range(0, len(events), 2)])


def chat(name: str, text: Any, more: dict[str, Any]) -> dict[str, Any]:
    if name == "arguments":
        delta: dict[str, Any] = {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}
    elif name == "call":
        named = {"name": "f", "arguments": ""}
        delta = {"tool_calls": [{"index": 0, "id": "c", "function": named}]}
    else:
        delta = {name: text}
    delta |= more.pop("delta", {})
    choice = {"index": 0, "delta": delta, "finish_reason": None, **more.pop("choice", {})}
    return {"id": "x", "object": "chat.completion.chunk", "choices": [choice], **more}


def response(name: str, text: Any, more: dict[str, Any]) -> dict[str, Any]:
    kinds = {"content": "output_text", "reasoning": "reasoning_text", "refusal": "refusal"}
    kind = kinds.get(name, "function_call_arguments")
    place: dict[str, Any] = {"item_id": kind, "content_index": 0}
    place["output_index"] = {"reasoning_text": 1, "function_call_arguments": 2}.get(kind, 0)
    if name == "call":
        item = {"type": "function_call", "id": "function_call_arguments", "name": "f"}
        return {"type": "response.output_item.added", "output_index": 2, "item": item, **more}
    return {"type": f"response.{kind}.delta", **place, "delta": text, **more}


def message(name: str, text: Any, more: dict[str, Any]) -> dict[str, Any]:
    kinds = {"content": "text", "reasoning": "thinking", "refusal": "text"}
    kind = kinds.get(name, "input_json")
    index = ["text", "thinking", "input_json"].index(kind)
    if name == "call":
        block = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
        return {"type": "content_block_start", "index": 2, "content_block": block}
    held = "partial_json" if kind == "input_json" else kind
    delta = {"type": f"{kind}_delta", held: text, **more.pop("delta", {})}
    return {"type": "content_block_delta", "index": index, "delta": delta, **more}


ENDS: dict[Any, list[dict[str, Any]]] = {
    chat: [{"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}],
    response: [{"type": "response.completed", "response": {"status": "completed"}}],
    message: [
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ],
}
MORE = st.sampled_from(
    [
        {},
        {},
        {},
        {"obfuscation": "ab"},
        {"usage": {"total_tokens": 3}},
        {"delta": {"role": "assistant"}},
        {"delta": {"content": ""}},
        {"delta": {"reasoning": "too"}},
        {"choice": {"logprobs": {"content": [{"token": "a", "logprob": -1.0}]}}},
        {"choice": {"index": 1}},
        {"logprobs": [{"token": "a", "logprob": -1.0}]},
        {"error": {"message": "no"}},
        {"delta": {"signature": "s"}},
        {"token_ids": [1]},
    ]
)
TEXT = st.one_of(
    st.sampled_from(["a", "~", "b c", '{"k": ', '"', "\\", "\n\n", "data: ", "é", "\ud83d", ""]),
    st.sampled_from(["an error", "base_resp", '"content":"a"', "choices", "[DONE]", "\u2028"]),
    st.text(max_size=5),
    st.none(),
    st.integers(0, 3),
)
NAME = st.sampled_from(["content", "content", "reasoning", "arguments", "call", "refusal"])
STEP = st.tuples(NAME, st.lists(TEXT, min_size=1, max_size=5), MORE, st.booleans(), st.booleans())
NUMBERS = st.sampled_from(["none", "right", "wrong"])


def events_of(
    write: Any, steps: list[Any], numbers: str, ended: bool, named: bool
) -> Iterator[str]:
    """Write the events of a stream, some of them with spaces, escapes or in another order."""
    number = 0
    for name, texts, more, spaced, escaped in steps:
        for text in texts:
            data = write(name, text, deepcopy(more))
            if numbers != "none":
                data["sequence_number"] = number
            number += 2 if numbers == "wrong" and text == "a" else 1
            between = (", ", ": ") if spaced else (",", ":")
            written = json.dumps(data, ensure_ascii=escaped, separators=between)
            line = f"event: {data.get('type', 'chunk')}\n" if named else ""
            yield f"{line}data: {written}\n\n"
    for data in ENDS[write] if ended else ():
        yield f"data: {json.dumps(data)}\n\n"


@given(
    write=st.sampled_from([chat, response, message]),
    steps=st.lists(STEP, max_size=8),
    numbers=NUMBERS,
    ended=st.booleans(),
    named=st.booleans(),
    cuts=st.lists(st.integers(1, 400), max_size=3),
)
@settings(max_examples=examples(400))
def test_constructed_streams_are_read_alike(
    write: Any, steps: list[Any], numbers: str, ended: bool, named: bool, cuts: list[int]
) -> None:
    """Runs of events in every dialect, with texts that look like something else, fields that make
    an event more than a piece of a text, wrong numbers, a missing end, and pieces that are cut.
    """
    events = list(events_of(write, steps, numbers, ended, named))
    for cut in cuts:
        if events:
            at = cut % len(events)
            events[at : at + 1] = [events[at][:cut], events[at][cut:]]
    check(events)


ODD_LINES = (
    'data: {"choices":[{"index":0,"delta":{"content":"a"}}],"content":"a"}',
    'data: {"choices":[{"index":0,"delta":{"content":"b","content":"a"}}]}',
    'data: {"content": "a","choices":[{"index":0,"delta":{"content":"a"}}]}',
    'data: {"choices":[{"index":0,"delta":{"content" :"a"}}],"x":{"content":"a"}}',
    ':data: {"choices":[{"index":0,"delta":{"content":"a"}}]}',
    'id: 1\ndata: {"choices":[{"index":0,"delta":{"content":"a"}}]}',
    'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\nretry: 3',
    'data: {"choices":[{"index":0,\ndata: "delta":{"content":"a"}}]}',
    'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}{"choices":[]}',
    'data: {"sequence_number":01,"choices":[{"index":0,"delta":{"content":"a"}}]}',
    'data: {"sequence_number":1e2,"choices":[{"index":0,"delta":{"content":"a"}}]}',
    'x\ndata: {"choices":[{"index":0,"delta":{"content":"a"}}]}',
)


@pytest.mark.parametrize("odd", ODD_LINES)
def test_what_only_looks_like_the_last_event_is_read(odd: str) -> None:
    """Constructed: a field twice, another field of the same words, lines beside the data."""
    plain = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}'
    for lines in ([plain, odd, plain], [odd] * 3, [plain, odd, odd, plain, plain]):
        check([f"{line}\n\n" for line in lines])
        check([f"{line}\n\n".replace('"a"', f'"{at}"') for at, line in enumerate(lines)])
    check([f"{line}\r\n\r\n" for line in [plain, odd, plain]])


@pytest.mark.parametrize("write", [chat, response, message])
def test_events_that_are_alike_are_not_parsed(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = 0
    loads = json.loads

    def counted(*given: Any, **more: Any) -> Any:
        nonlocal parsed
        parsed += 1
        return loads(*given, **more)

    monkeypatch.setattr(json, "loads", counted)
    steps: list[Any] = [("content", ["a word"] * 500, {}, False, False)]
    steps.append(("arguments", ['"more'] * 500, {}, False, False))
    steps.insert(1, ("call", ["x"], {}, False, False))
    texts = list(events_of(write, steps, "right", True, False))
    read = read_stream([Chunk(at=0.0, text=text) for text in texts])
    assert read.content == "a word" * 500
    assert read.tool_calls[0].raw_arguments == '"more' * 500
    assert parsed < 20
