"""A growing answer: its parts add up to what the stream is read as in the end, however it is cut,
and cost little per piece.
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
from agentkit.read.stream.growing import Growing
from agentkit.types.wire import Chunk
from tests.support.examples import examples
from tests.support.growth import assert_linear
from tests.support.paths import CORPUS

CASES = sorted((CORPUS / "stream").glob("*.json"))
WHOLE_IN_THE_END = {
    "ndjson",
    "single_newline_between",
    "content_parts",
    "message_in_last_chunk",
    "block_json_instead",
    "reasoning_details",
    "ollama_lines",
    "ollama_lines_error",
    "gemini_list",
    "bedrock_binary",
    "content_cumulative",
    "content_sent_again",
    "reasoning_cumulative",
    "responses_lines",
    "responses_block_instead",
    "responses_body_event",
    "responses_end_alone",
    "messages_lines",
    "messages_block_instead",
}
"""Answers whose text does not come as deltas of text; or is sent from its start again, which only
the end shows.
"""


def text_of(name: str) -> str:
    return str(json.loads((CASES[0].parent / f"{name}.json").read_text("utf-8"))["text"])


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
@given(cuts=st.lists(st.integers(0, 5000), max_size=30))
@settings(max_examples=examples(15))
def test_it_grows_into_what_is_read(path: Path, cuts: list[int]) -> None:
    text = text_of(path.stem)
    data = text.encode()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    growing, whole = Growing(), Growing()
    deltas = [delta for a, b in pairwise(edges) for delta in growing.feed(data[a:b])]
    whole.feed(text)
    assert (growing.text, growing.reasoning, growing.calls) == (
        whole.text,
        whole.reasoning,
        whole.calls,
    )
    assert "".join(d.text for d in deltas if d.kind == "content") == growing.text
    read = read_stream(text)
    if (
        path.stem not in WHOLE_IN_THE_END
        and read.exchange.chunks
        and not any(p.code == "stream_truncated" for p in read.problems)
    ):
        assert growing.text == (read.wire_content or "")
        assert {(call.name, call.arguments) for call in growing.calls} >= {
            (c.name, c.raw_arguments) for c in read.tool_calls if c.origin == "tool_calls"
        }


def test_what_is_there_is_shown_before_the_stream_ends() -> None:
    text = text_of("parallel_interleaved")
    growing = Growing()
    seen = [
        [(call.name, call.arguments) for call in growing.calls]
        for piece in text
        if growing.feed(piece)
    ]
    assert seen[0] == [("f", '{"a"')]
    assert [name for name, _ in seen[-1]] == ["f", "g"]
    assert seen[-1] == [(call.name, call.raw_arguments) for call in read_stream(text).tool_calls]


def test_a_recorded_chunk_is_taken() -> None:
    growing = Growing()
    growing.feed(Chunk(at=0.5, text='data: {"choices": [{"delta": {"reasoning": "hm"}}]}\n\n'))
    assert (growing.reasoning, growing.text, growing.calls) == ("hm", "", ())


@given(st.lists(st.one_of(st.binary(max_size=60), st.text(max_size=60)), max_size=10))
def test_nothing_makes_it_raise(parts: list[Any]) -> None:
    growing = Growing()
    for part in parts:
        growing.feed(part)
    assert isinstance(growing.calls, tuple)


def test_asking_after_every_piece_stays_cheap() -> None:
    chunk = 'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'

    def feed(times: int) -> None:
        growing = Growing()
        for _ in range(times):
            growing.feed(chunk)
            assert growing.text.endswith("word ")

    assert_linear(lambda times: partial(feed, times), 2000, 8000)
