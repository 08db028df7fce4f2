"""The `choices` of one answer (`n` > 1), each as an answer of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from agentkit.read.response import read_response
from agentkit.read.stream.sse import SSE
from agentkit.types.answer import Response
from agentkit.types.trajectory import Turn
from agentkit.types.wire import Chunk, Exchange

_LATER = re.compile(r'"index": ?[1-9]')
"""What is in a stream of several choices, and of several calls."""


def count_choices(response: Response) -> int:
    """Count the choices of the answer, of which the first is the response; at least 1. For most
    answers a glance at their text is enough.
    """
    exchange = response.exchange
    if response.problems and any(p.code == "choices_split" for p in response.problems):
        return 1  # parts of one choice, which are read together
    if exchange.chunks and not exchange.body:
        more = _may_be_several(exchange.text)
        indices = _indices(data for _, data in _events(exchange)) if more else []
    else:
        indices = _indices([exchange.raw]) if exchange.body.count('"message"') > 1 else []
    return max(1, len(indices))


def _may_be_several(stream: str) -> bool:
    """Tell whether a stream may hold more than one choice, by the lines of it with a later index;
    most of these are of calls.
    """
    if '"choices"' not in stream:
        return False
    end = 0
    for found in _LATER.finditer(stream):
        if found.start() < end:
            continue
        start, end = stream.rfind("\n", 0, found.start()) + 1, stream.find("\n", found.end())
        end = len(stream) if end < 0 else end
        try:
            data = json.loads(stream[start:end].removeprefix("data:"))
        except (ValueError, RecursionError):
            return True
        if not isinstance(data, dict) or "choices" not in data or any(_indices([data])):
            return True
    return False


def choices_of(answer: Response | Turn, tools: Any = None) -> tuple[Response, ...]:
    """Read every choice of an answer by itself, in the order of their indices; the answer alone
    where it has but one.

    Args:
        answer: a response, or a turn; block or streamed.
        tools: as for `read_response`.
    """
    response = answer.response if isinstance(answer, Turn) else answer
    exchange = response.exchange
    parts = list(
        _of_stream(exchange) if exchange.chunks and not exchange.body else _of_body(exchange)
    )
    return tuple(_alone(part, tools) for part in parts) if len(parts) > 1 else (response,)


def _alone(part: Exchange, tools: Any) -> Response:
    """Read one choice; the usage counts the tokens of all, and so tells nothing of its ids."""
    read = read_response(part, tools)
    kept = tuple(p for p in read.problems if p.code != "token_ids_missing")
    return read if len(kept) == len(read.problems) else replace(read, problems=kept)


def _of_body(exchange: Exchange) -> Iterator[Exchange]:
    body = exchange.raw
    choices = body.get("choices") if isinstance(body, dict) else None
    for choice in sorted(
        filter(_numbered, choices if isinstance(choices, list) else ()), key=lambda c: c["index"]
    ):
        yield replace(
            exchange,
            body=json.dumps({**body, "choices": [{**choice, "index": 0}]}, ensure_ascii=False),
        )


def _numbered(choice: Any) -> bool:
    return isinstance(choice, dict) and type(choice.get("index")) is int


def _of_stream(exchange: Exchange) -> Iterator[Exchange]:
    """Make a stream per choice: its own deltas, and whatever belongs to all of them."""
    events = list(_events(exchange))
    for index in _indices(data for _, data in events):
        yield replace(
            exchange,
            chunks=tuple(
                Chunk(at=at, text=text) for at, data in events for text in _only(data, index)
            ),
        )


def _indices(bodies: Iterable[Any]) -> list[int]:
    """Collect the indices of all choices of an answer, in order."""
    lists = [data.get("choices") for data in bodies if isinstance(data, dict)]
    return sorted(
        {
            choice["index"]
            for choices in lists
            if isinstance(choices, list)
            for choice in filter(_numbered, choices)
        }
    )


def _events(exchange: Exchange) -> Iterator[tuple[float, Any]]:
    """Read each event with its time: parsed, or its text where it is no JSON."""
    sse = SSE()
    for chunk in exchange.chunks:
        for event in sse.feed(chunk.text):
            try:
                yield chunk.at, json.loads(event.data)
            except (ValueError, RecursionError):
                yield chunk.at, event.data


def _only(data: Any, index: int) -> Iterator[str]:
    if not isinstance(data, dict):
        yield f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"
        return
    choices = data.get("choices")
    mine = [
        {**choice, "index": 0}
        for choice in filter(_numbered, choices or ())
        if choice["index"] == index
    ]
    if mine or not choices:
        yield (
            "data:"
            f" {json.dumps({**data, 'choices': mine} if choices else data, ensure_ascii=False)}\n\n"
        )
