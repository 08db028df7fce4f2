"""A server's raw answer as a rollout of one turn: a body, a stream's text, a status with a body, an
exchange, or what was read from one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentkit.read.calls.function_schema import described_tools
from agentkit.read.plain import plain
from agentkit.trajectory.loop import apply, failure, read_answer, settled, stop_reason_after
from agentkit.types.answer import Response
from agentkit.types.request import Spec
from agentkit.types.steps import Answer
from agentkit.types.trajectory import OpenTurn, Trajectory, Turn
from agentkit.types.wire import Chunk, Exchange

_EVENTS = ("data:", "event:", ":")
"""How a server-sent event stream begins."""


def rollout_of_exchange(exchange: Exchange, tools: Any = None) -> Trajectory:
    """Read an exchange whose request is not known.

    Args:
        exchange: the raw answer.
        tools: schemas of the tools that were offered, where they are known.
    """
    spec = Spec(tools=schemas_of(tools))
    response = read_answer(spec, exchange, 0)
    begun = Trajectory(spec=replace(spec, dialect=response.dialect))
    return apply(begun, Answer(exchange=exchange, response=response))


def rollout_of_response(response: Response, tools: Any = None) -> Trajectory:
    """Make a rollout of an answer, keeping it as it was read."""
    if failure(response.exchange, response) is not None:
        return rollout_of_exchange(response.exchange, tools)
    opened = OpenTurn(response=response, results=(None,) * len(response.tool_calls))
    spec = Spec(tools=schemas_of(tools), dialect=response.dialect)
    return settled(Trajectory(spec=spec, open=opened))


def rollout_of_turn(turn: Turn) -> Trajectory:
    """Make a rollout of one turn, with its results and its number."""
    spec = Spec(dialect=turn.response.dialect)
    return Trajectory(spec=spec, turns=(turn,), stop_reason=stop_reason_after(turn, 1, None))


def exchange_of(body: Any, status: int | None = None) -> Exchange:
    """Make an exchange of a raw answer.

    Args:
        body: the text or bytes as the server sent them, a stream's too; or the decoded JSON.
        status: the HTTP status.
    """
    if isinstance(body, (bytes, bytearray)):
        body = bytes(body).decode(errors="replace")
    if not isinstance(body, str):
        body = "" if body is None else json.dumps(plain(body), ensure_ascii=False)
    if body.lstrip().startswith(_EVENTS):
        return Exchange(status=status, chunks=(Chunk(at=0.0, text=body),))
    return Exchange(status=status, body=body)


def is_answer(value: Mapping[str, Any]) -> bool:
    """Tell whether decoded JSON is the body of an answer, of whatever dialect, or of an error."""
    if "messages" in value or "request" in value:
        return False
    return (
        bool(value.get("choices") or value.get("error"))
        or value.get("object") in ("chat.completion", "response", "error")
        or (value.get("type") == "message" and isinstance(value.get("content"), list))
        or any(isinstance(value.get(key), list) for key in ("candidates", "output"))
    )


def schemas_of(tools: Any) -> tuple[dict[str, Any], ...]:
    """List tool schemas: dicts as they are, and those of tools and functions."""
    given = plain(described_tools(tools)) or []
    return tuple(schema for schema in given if isinstance(schema, dict))


def with_status(exchange: Exchange, row: Mapping[str, Any]) -> Exchange:
    """Add the status and the seconds that a log keeps beside an answer."""
    status, elapsed = row.get("status"), row.get("elapsed")
    return replace(
        exchange,
        status=status if type(status) is int else None,
        elapsed=elapsed if isinstance(elapsed, (int, float)) else None,
    )


def chunks_of(pieces: Any) -> tuple[Chunk, ...]:
    """Read the pieces of a stream, each a pair of its second and its text; one whose time is no
    number came with the piece before it.
    """
    found: list[Chunk] = []
    for piece in pieces if isinstance(pieces, list) else ():
        if is_piece(piece):
            at = piece[0] if type(piece[0]) in (int, float) and abs(piece[0]) < 1e15 else None
            last = found[-1].at if found else 0.0
            found.append(Chunk(at=last if at is None else float(at), text=piece[1]))
    return tuple(found)


def is_piece(piece: Any) -> bool:
    """Tell whether it is a piece of a stream: a pair whose second part is a text."""
    return isinstance(piece, (list, tuple)) and len(piece) == 2 and isinstance(piece[1], str)
