"""Captured traffic as rollouts: requests with their raw answers, `case` naming those that belong
together (`weather/turn0`, `weather/turn1/stream`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentkit.dialects.native_request import request_dialect
from agentkit.files.foreign.logs.raw_answer import chunks_of, exchange_of, with_status
from agentkit.trajectory.loop import apply
from agentkit.trajectory.stitch.asked_history import begun, gone_on
from agentkit.trajectory.stitch.units import RequestUnits, Unit, read_asked
from agentkit.types.answer import Dialect
from agentkit.types.steps import Answer
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import Exchange

_TURN = re.compile(r"(.*?)/?turn(\d+)(/.*)?")
_WIRE = frozenset(
    (
        *("request", "body", "chunks", "response"),
        *("status", "elapsed", "headers", "method", "path", "url"),
    )
)
"""Keys of a row that are read, or describe the wire; the others become the rollout's meta."""

_Row = Mapping[str, Any]


def is_captured(value: Any) -> bool:
    """Tell whether this is a request for an answer, kept beside its raw answer."""
    if not isinstance(value, Mapping) or not ("body" in value or "chunks" in value):
        return False
    return _dialect(value) is not None


def _dialect(row: _Row) -> Dialect | None:
    """Tell which dialect a row asks in; None where it asks for no answer."""
    return request_dialect(row.get("request"), row.get("path", row.get("url")))


def captured_trajectories(rows: Iterable[Any]) -> list[Trajectory]:
    """Read the rollouts of a capture, in order; rows that ask for no answer are left out."""
    return list(captured_by_place(enumerate(rows)).values())


def captured_by_place(rows: Iterable[tuple[int, Any]]) -> dict[int, Trajectory]:
    """Read captured rows, each with its place in the log.

    Returns:
        By the place of its first row, each rollout: the turns of a case one, every other row one of
        a single answer. A turn that does not go on from the one before it begins another.
    """
    chains: dict[Any, list[tuple[int, _Row]]] = {}
    for place, row in rows:
        if not is_captured(row):
            continue
        named = _TURN.fullmatch(str(row.get("case", "")))
        key = (row.get("server"), named.group(1), named.group(3)) if named else place
        chains.setdefault(repr(key), []).append((place, row))
    found: dict[int, Trajectory] = {}
    for chain in chains.values():
        found.update(_chained(chain))
    return dict(sorted(found.items()))


def _chained(rows: list[tuple[int, _Row]]) -> dict[int, Trajectory]:
    found: dict[int, Trajectory] = {}
    first, known = -1, list[tuple[Unit, ...]]()
    for place, row in rows:
        asked = read_asked(row["request"], row.get("path", row.get("url")))
        if asked is None:
            continue
        before = found.get(first)
        if before is not None and (_is_linked(before, asked) or _goes_on(before, known, asked)):
            before, known = gone_on(before, known, asked)
        else:
            first, known = place, list(asked.spoken)
            meta = {name: value for name, value in row.items() if name not in _WIRE}
            tools = tuple(tool for tool in asked.tools if isinstance(tool, dict))
            before = begun(asked, tools, "vllm", meta)
        found[first] = apply(before, Answer(exchange=_exchange(row)))
    return found


def _is_linked(trajectory: Trajectory, asked: RequestUnits) -> bool:
    """Tell whether a request names the last answer of a rollout as the one before it."""
    named = asked.form.get("previous_response_id")
    turns = trajectory.all_turns
    return bool(named and turns) and trajectory.error is None and turns[-1].response.id == named


def _goes_on(trajectory: Trajectory, known: Sequence[Any], asked: RequestUnits) -> bool:
    """Tell whether a request goes on behind an answer that was given to as many messages."""
    if trajectory.error is not None or len(asked.messages) <= len(known):
        return False
    return bool(asked.messages[len(known)].get("role") == "assistant")


def _exchange(row: _Row) -> Exchange:
    chunks = chunks_of(row.get("chunks"))
    answer = Exchange(chunks=chunks) if chunks else exchange_of(row.get("body"))
    return replace(with_status(answer, row), headers=_headers(row.get("headers")))


def _headers(headers: Any) -> tuple[tuple[str, str], ...]:
    """Keep the content type, which tells a stream and an error page; nothing else is needed."""
    if not isinstance(headers, Mapping):
        return ()
    lower = ((str(name).lower(), str(value)) for name, value in headers.items())
    return tuple(pair for pair in lower if pair[0] == "content-type")
