"""What ends a stream is known in each dialect, wherever it is cut, so that a connection kept open
behind it costs nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, get_args

import pytest

from agentkit.servers.model_call import Call
from agentkit.servers.transport.stream_end import StreamEnd
from agentkit.types.answer import Dialect
from tests.servers.dialect_stub import STREAMS, response, stream_of
from tests.servers.http_stub import Answer, HttpServer
from tests.servers.server_stub import MESSAGES, WAYS, ask_by, kind
from tests.support.growth import assert_linear

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
ERROR = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'


def last_first(event: dict[str, Any]) -> str:
    """An event without its name, with its type behind all else, as pydantic writes it."""
    kind, rest = event["type"], {name: event[name] for name in event if name != "type"}
    return f"data: {json.dumps({**rest, 'type': kind})}\n\n"


ENDS = [
    "data: [DONE]\n\n",
    "data:[DONE]\r\n\r\n",
    "data: [DONE]",
    'event: message_stop\ndata: {"type": "message_stop"}\n\n',
    'event: message_stop\r\ndata: {"type":"message_stop"}\r\n\r\n',
    'event: message_stop\rdata: {"type":"message_stop"}\r\r',
    'data: {"type": "message_stop"}\n\n',
    "data: {}\nevent: message_stop\n\n",
    ERROR,
    *(STREAMS["responses"][-1].replace("completed", end) for end in ("incomplete", "failed")),
    STREAMS["responses"][-1],
    last_first({"type": "response.completed", "response": response(text="a" * 999)}),
]


@pytest.mark.parametrize("end", ENDS)
def test_an_end_is_known_wherever_it_is_cut(end: str) -> None:
    text = STREAMS["messages"][0] + end
    for at in range(len(STREAMS["messages"][0]), len(text)):
        looked = StreamEnd()
        assert not looked.feed(text[:at]) or not text[at:].strip()
        assert looked.feed(text[at:])
    one_by_one = StreamEnd()
    assert [one_by_one.feed(char) for char in text][-1]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_before_the_end_is_one(dialect: Dialect) -> None:
    *before, end = STREAMS[dialect]
    looked = StreamEnd()
    assert not any(looked.feed(piece) for piece in before)
    assert looked.feed(end)


@pytest.mark.parametrize(
    "text",
    [
        'data: {"type":"content_block_delta","delta":{"type":"message_stop"}}\n\n',
        'data: {"delta":"{\\"type\\":\\"message_stop\\"}"}\n\n',
        'data: {"delta":"data: {\\"type\\": \\"error\\"}","type":"response.output_text.delta"}\n\n',
        'data: {"delta":"\ndata: [DONE]"}\n\n',
        "event: message_stop\n\nevent: ping\ndata: {}\n\n",
        ": data: [DONE]\n\n",
        'data: {"type":"error_report"}\n\n',
        "data: [DONE]\n\ndata: {}\n\n",
    ],
)
def test_what_only_looks_like_an_end_is_none(text: str) -> None:
    assert not StreamEnd().feed(text)


def test_it_costs_what_the_length_costs() -> None:
    def make(unit: str, cut: int, size: int) -> Callable[[], object]:
        text = (unit * size)[:size]
        looked = StreamEnd()
        pieces = [text[at : at + cut] for at in range(0, size, cut)]
        return lambda: [looked.feed(piece) for piece in pieces]

    for unit in ("x", "data: ", '"type":"error"', "\n", "data: {}\n", '"type": "', " "):
        for cut in (3, 4096):
            assert_linear(partial(make, unit, cut), 1 << 12, 1 << 15, factor=20, what=repr(unit))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("after", ["cut", "kept open"])
def test_after_its_end_the_connection_does_not_matter(
    way: str, dialect: Dialect, after: str
) -> None:
    """The server waits until its answer has been taken."""
    taken, late = threading.Event(), []

    def wait() -> Iterator[str]:
        if not taken.wait(30):
            late.append(dialect)
        yield from ()

    pieces: Any = (piece for source in (STREAMS[dialect], wait()) for piece in source)
    kept = Answer(headers={"Content-Type": "text/event-stream"}, pieces=pieces)
    call = Call(messages=MESSAGES, fields={"model": "m"}, dialect=dialect, stream=True)
    with HttpServer(stream_of(dialect, cut=True) if after == "cut" else kept) as http:
        exchange = WAYS[way](http.url, call, None)
        assert not late
        taken.set()
    assert kind(exchange) is None
    assert exchange.text == "".join(STREAMS[dialect])


def test_a_stream_that_goes_on_behind_an_error_is_read_on() -> None:
    call = Call(messages=MESSAGES, fields={"model": "m"}, dialect="messages", stream=True)
    pieces = [ERROR, 0.2, ": ping\n\n", 0.2, "data: {}\n\n", 1.5, "data: {}\n\n"]
    answer = stream_of("messages", after=pieces)
    exchange = ask_by("Server", call, answer)
    assert kind(exchange) is None
    assert exchange.text.endswith("data: {}\n\ndata: {}\n\n")
