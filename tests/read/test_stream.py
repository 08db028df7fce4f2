"""Streams: each case of the corpus is read as expected, however it is cut, and as the block answer
would be.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit import read_stream
from agentkit.read.stream.stream_reader import StreamReader
from agentkit.types.answer import Response
from agentkit.types.wire import Chunk, Exchange
from tests.support.examples import examples
from tests.support.growth import assert_linear
from tests.support.paths import CORPUS

CASES = sorted((CORPUS / "stream").glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return case


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_case_is_read_as_expected(path: Path) -> None:
    case = load(path)
    expected = case["expected"]
    read = read_stream(case["text"])
    calls = [[call.id, call.name, call.arguments, call.status] for call in read.tool_calls]
    assert calls == expected["calls"], case["why"]
    assert (read.content, read.reasoning, read.finish_reason) == (
        expected["content"],
        expected["reasoning"],
        expected["finish_reason"],
    )
    assert sorted({p.code for p in read.all_problems}) == expected["codes"]
    if expected["usage"]:
        assert read.usage is not None
        assert [read.usage.input_tokens, read.usage.output_tokens] == expected["usage"]


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
@given(cuts=st.lists(st.integers(0, 5000), max_size=30))
@settings(max_examples=examples(25))
def test_cuts_change_nothing(path: Path, cuts: list[int]) -> None:
    text = load(path)["text"]
    assert read_stream(pieces(text.encode(), cuts)) == read_stream(text)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_one_byte_at_a_time(path: Path) -> None:
    text = load(path)["text"]
    assert read_stream([bytes([byte]) for byte in text.encode()]) == read_stream(text)


@given(st.lists(st.one_of(st.binary(max_size=40), st.text(max_size=40)), max_size=10))
def test_nothing_makes_it_raise(parts: list[Any]) -> None:
    assert isinstance(read_stream(parts), Response)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda v: (
        st.lists(v, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "index",
                    "choices",
                    "delta",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "content",
                    "finish_reason",
                    "usage",
                    "error",
                ]
            ),
            v,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=6))
def test_no_chunk_makes_it_raise(chunks: list[Any]) -> None:
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    assert read_stream(text) == read_stream([text[:7], text[7:]])


def test_the_raw_chunks_and_their_times_are_kept() -> None:
    text = load(CASES[0].with_name("openai_text.json"))["text"]
    chunks = [
        Chunk(at=0.1 * (i + 1), text=part + "\n\n")
        for i, part in enumerate(text.strip().split("\n\n"))
    ]
    read = read_stream(chunks)
    assert "".join(c.text for c in read.exchange.chunks).strip() == text.strip()
    assert read.time_to_first_token == pytest.approx(0.2)
    assert read.token_gaps == pytest.approx((0.1,))


def test_a_stored_exchange_reads_the_same() -> None:
    text = load(CASES[0].with_name("parallel_interleaved.json"))["text"]
    read = read_stream(text)
    assert read_stream(read.exchange.chunks) == read
    from agentkit import read_response

    assert read_response(Exchange(chunks=read.exchange.chunks, status=200)) == read


def test_what_each_piece_added_adds_up() -> None:
    text = load(CASES[0].with_name("parallel_interleaved.json"))["text"]
    reader = StreamReader()
    deltas = [delta for i in range(0, len(text), 9) for delta in reader.feed(text[i : i + 9])]
    shown = {
        p: "".join(d.text for d in deltas if d.kind == "arguments" and d.position == p)
        for p in (0, 1)
    }
    read = reader.finish()
    assert [shown[0], shown[1]] == [call.raw_arguments for call in read.tool_calls]
    assert [d.text for d in deltas if d.kind == "name"] == ["f", "g"]


def test_an_sdk_chunk_is_taken_as_it_is() -> None:
    from openai.types.chat import ChatCompletionChunk

    lines = [
        line[6:]
        for line in load(CASES[0].with_name("openai_one_call.json"))["text"].splitlines()
        if line.startswith("data: {")
    ]
    chunks = [
        ChatCompletionChunk.model_validate({"created": 0, **json.loads(line)}) for line in lines
    ]
    read = read_stream(chunks)  # type: ignore[arg-type]
    assert [(call.id, call.arguments) for call in read.tool_calls] == [("a", {"city": "Oslo"})]


@pytest.mark.slow
def test_a_long_stream_is_read_in_linear_time() -> None:
    chunk = 'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"x"}}]}}]}\n\n'
    assert_linear(lambda size: partial(read_stream, chunk * size), 2000, 8000)


def test_envelopes_of_lists_and_mixed_lists_come_to_an_end() -> None:
    chunk: Any = {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    nested = {"data": [{"data": [chunk], "more": 1}]}
    assert read_stream(f"data: {json.dumps(nested)}\n\n").content == "Hi"
    others: list[Any] = [{"candidates": []}, {"type": "response.created", "response": {}}]
    for other in others:
        assert not read_stream(json.dumps([other, 1])).usable
