"""What a record holds, as flows: the log of a tap, or rollouts, whose requests are derived."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentkit.dialects.codecs import CODECS
from agentkit.errors import UsageError
from agentkit.files.foreign.logs.flow_log import FlowReading, is_flow_head
from agentkit.files.reader import rollouts_in
from agentkit.read.plain import compact_json
from agentkit.testing.replay.given_answer import given_answer
from agentkit.testing.replay.normal_form import parsed
from agentkit.types.answer import Dialect
from agentkit.types.problem import Problem
from agentkit.types.trajectory import Trajectory
from agentkit.types.wire import ApiError, Exchange, Flow

_CHAT = "/chat/completions"


def dialect_at(path: str) -> Dialect | None:
    """Tell which dialect's answers are asked for at a path, whatever stands before and behind it;
    None for all other paths.
    """
    plain = path.partition("?")[0].rstrip("/")
    if plain.endswith(_CHAT):
        return "chat"
    return next((c.dialect for c in CODECS.values() if plain.endswith(c.path)), None)


def flows_of(record: Any) -> tuple[list[Flow], list[Problem]]:
    """Read what a record holds.

    Args:
        record: the path of a tap's log, a tap or a list of flows; or anything that holds rollouts.

    Returns:
        The flows that were answered, in the order in which they were asked, and what could not be
        read of the file.

    Raises:
        UsageError: it holds neither flows nor rollouts, or none.
        FileNotFoundError: there is no such file.
        CassetteError: the file holds no rollouts.
    """
    problems: list[Problem] = []
    if _is_log(record):
        reading = FlowReading()
        with Path(record).open("rb") as lines:
            flows = [*reading.take(lines)]
        problems = reading.problems
    else:
        given = getattr(record, "flows", record)
        listed = list(given) if isinstance(given, (list, tuple)) else []
        flows = [flow for flow in listed if isinstance(flow, Flow)]
        if not flows:
            flows = [flow for rollout in rollouts_in(record) for flow in _derived(rollout)]
    answered = [flow for flow in flows if flow.exchange is not None]
    if not answered:
        raise UsageError(
            "the record holds no answer",
            hint="record=w.flows, or the file that ak.watch(…, record=…) wrote",
        )
    return sorted(answered, key=lambda flow: flow.number), problems


def _is_log(record: Any) -> bool:
    """Tell whether it is the path of a tap's log, by the first line."""
    if not isinstance(record, (str, os.PathLike)):
        return False
    path = Path(record)
    if not path.is_file():
        return False
    with path.open("rb") as lines:
        first = lines.readline(2**20)
    return is_flow_head(parsed(first.decode(errors="replace")))


def _derived(rollout: Trajectory) -> Iterator[Flow]:
    """Derive the requests of a rollout: one for each failed try and each answer, in order."""
    dialect = rollout.spec.dialect
    path = "/v1" + (_CHAT if dialect == "chat" else CODECS[dialect].path)
    for turn in range(len(rollout.all_turns) + 1):
        tried = [attempt.exchange for attempt in rollout.attempts if attempt.turn == turn]
        answers = [
            given_answer(each.response, dialect) for each in rollout.all_turns[turn : turn + 1]
        ]
        if not tried and not answers:
            continue
        request = rollout.request(turn).body
        stream = {"stream": True} if rollout.spec.stream else {}
        body = compact_json({**request, **stream})
        for exchange in [*tried, *answers]:
            for error in exchange.retries:
                yield Flow(number=0, path=path, body=body, exchange=_failure(error, dialect))
            yield Flow(number=0, path=path, body=body, exchange=exchange)


def _failure(error: ApiError, dialect: Dialect | None) -> Exchange:
    """Write what is known of a failed try as the answer that it had."""
    if error.status is None:
        return Exchange(transport_error=error)
    after = () if error.retry_after is None else (("retry-after", f"{error.retry_after:g}"),)
    body = error_body(error.upstream_message or error.message, dialect, code=error.code)
    return Exchange(body=body, status=error.status, headers=after)


def error_body(message: str, dialect: Dialect | None, *, code: str | None = None) -> str:
    """Write an error in a dialect."""
    if dialect == "messages":
        error: dict[str, Any] = {"type": code or "invalid_request_error", "message": message}
        return compact_json({"type": "error", "error": error})
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return compact_json({"error": error})
