"""How many choices an answer has, told by a glance where that is enough. The streams are
constructed.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentkit.read.choices import choices_of, count_choices
from agentkit.read.response import read_response
from agentkit.types.wire import Chunk, Exchange


def streamed(*events: Any, piece: int = 0) -> Exchange:
    """A stream of these events, cut every so many characters."""
    text = "".join(
        f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n"
        for event in (*events, "[DONE]")
    )
    size = piece or len(text)
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    return Exchange(chunks=tuple(Chunk(at=0.1, text=piece) for piece in pieces), status=200)


def delta(index: int, **parts: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": parts}]}


CALLS = [
    {"index": i, "id": f"call_{i}", "function": {"name": "now", "arguments": "{}"}}
    for i in range(3)
]
CASES: dict[str, tuple[list[Any], int]] = {
    "one": ([delta(0, content="Hi")], 1),
    "several calls in one choice": ([delta(0, tool_calls=[call]) for call in CALLS], 1),
    "two": ([delta(0, content="Hi"), delta(1, content="Hello")], 2),
    "two in one event": (
        [{"choices": [delta(i, content="Hi")["choices"][0] for i in range(2)]}],
        2,
    ),
    "calls and two choices": (
        [*(delta(0, tool_calls=[call]) for call in CALLS), delta(1, content="Hi")],
        2,
    ),
    "an event over two lines": (
        [delta(0, content="Hi"), '{"choices": [\ndata: {"index": 1, "delta": {}}\ndata: ]}'],
        2,
    ),
}


@pytest.mark.parametrize("piece", [0, 7])
@pytest.mark.parametrize("name", CASES)
def test_the_choices_of_a_stream_are_counted(name: str, piece: int) -> None:
    events, number = CASES[name]
    response = read_response(streamed(*events, piece=piece))
    assert count_choices(response) == number
    assert len(choices_of(response)) == number
