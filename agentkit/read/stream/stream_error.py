"""The error inside an answer that was sent as a success, found in its text: what decides whether to
ask again, and what a failed attempt holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from agentkit.read.body.foreign import binary_events, is_binary_stream
from agentkit.read.body.json_lines import json_values
from agentkit.read.failure.answer_error import (
    brings_text,
    error_in,
    is_alive,
    is_spoken,
    value_of,
)
from agentkit.read.failure.error import read_error
from agentkit.read.failure.error_rules import HINTS, RETRYABLE
from agentkit.read.stream.sse import SSE, Event
from agentkit.types.answer import UNUSABLE, Response
from agentkit.types.problem import Problem
from agentkit.types.wire import ApiError, Exchange

_MARKS = ('"error', '"base_resp"')
"""One of these is in every body that has both choices and an error."""
_SIGNS = re.compile(r'"errors?"\s*:\s*(?!\s|null)|"type"\s*:\s*"error"|"base_resp"')
"""One of these is in every body of another dialect that has an error."""

_ERRORS = frozenset({"error_in_200", "stream_error_event", "stream_not_sse", "body_not_json"})
"""Codes of an answer that is an error, or that may be one as text."""


def answer_error(text: str, headers: Any = None, *, before_text: bool = False) -> ApiError | None:
    """Read the error that stands in an answer sent as a success; None where none does. Never
    raises, and is linear in the text.

    Args:
        text: a whole body, or what has come of a stream.
        headers: the answer's, for how long to wait.
        before_text: look at a stream only until the first piece of an answer comes in it; an error
            behind that is none that can be asked again without losing text.
    """
    if text.startswith("{") and '"choices"' in text and not any(m in text for m in _MARKS):
        return None
    whole = text.startswith("{") and ('"output"' in text or '"stop_reason"' in text)
    if whole and not _SIGNS.search(text):
        return None
    for event in events_of(text):
        if event.data.strip() == "[DONE]" or is_alive(event.data, event.kind):
            continue
        data = value_of(event.data)
        found = error_in(data, event.data, event.kind)
        if found is not None:
            return read_error(None, headers, found)
        if before_text and brings_text(data):
            return None
    return None


def events_of(text: str) -> Iterator[Event]:
    """Cut a body or a stream into what may hold an error, each an event; a body is one."""
    if is_binary_stream(text):
        yield from (Event(data=json.dumps(event)) for event in binary_events(text))
        return
    sse, found = SSE(), False
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        for event in (*sse.feed(text), *sse.finish()):
            found = True
            yield from _parted(event)
    if not found:
        yield from _parted(Event(data=text))
    for stray in sse.other if found else ():
        yield from (part for part in _parted(Event(data=stray)) if is_spoken(part.data))


def _parted(event: Event) -> Iterator[Event]:
    """Part an event that holds several JSON objects."""
    values = [] if value_of(event.data) is not None else list(json_values(event.data))
    yield from (Event(data=value, kind=event.kind) for value in values)
    if not values:
        yield event


def answer_failure(exchange: Exchange, response: Response) -> ApiError | None:
    """Find why an answer that was sent as a success is no message to go on from; None where it
    is one.

    Args:
        exchange: the raw answer.
        response: what it was read as.
    """
    reasons = [p for p in response.problems if p.code in UNUSABLE]
    codes = {p.code for p in reasons}
    if codes & _ERRORS:
        error = answer_error(exchange.text, exchange.headers)
        if error is None and "error_in_200" in codes:
            error = read_error(None, exchange.headers, exchange.text)
        if error is not None:
            return error if error.status else replace(error, status=exchange.status)
    broken = _broken_off(exchange, response)
    if not reasons or (broken is not None and reasons[0].code == "message_missing"):
        return broken
    reason = reasons[0]
    return _as_error(reason.code, reason, exchange, retryable=reason.code == "body_empty")


def _as_error(kind: str, reason: Problem, exchange: Exchange, *, retryable: bool) -> ApiError:
    """Make the error that a problem of the answer amounts to."""
    return ApiError(
        kind=kind,
        message=reason.message,
        status=exchange.status,
        retryable=retryable,
        hint=HINTS.get(kind, ""),
    )


def _broken_off(exchange: Exchange, response: Response) -> ApiError | None:
    """Find an answer that broke off: its finish reason says so, or its stream just ended, with
    neither a finish reason nor `[DONE]`, or with nothing in it. A whole call in it is gone on with
    all the same, unless the server says that it could not read the model's call.
    """
    reason = next((p for p in response.problems if _breaks_off(p)), None)
    kind = "content_filtered" if reason and reason.code == "finish_content_filter" else ""
    kind = kind or (reason.code if reason else "")
    if kind != "tool_use_failed" and any(call.valid for call in response.tool_calls):
        return None
    if reason is not None:
        return _as_error(kind, reason, exchange, retryable=kind in RETRYABLE)
    reason = next((p for p in response.problems if p.code == "stream_no_finish"), None)
    came = response.content or response.reasoning or response.recoverable or response.refusal
    if reason is None or (came and any("[DONE]" in c.text for c in exchange.chunks[-2:])):
        return None
    return _as_error(reason.code, reason, exchange, retryable=True)


def _breaks_off(found: Problem) -> bool:
    """Tell whether a problem is a finish reason that says that the answer broke off."""
    if found.code == "finish_content_filter":
        return True
    return (
        found.severity == "error"
        and found.pointer.endswith(("finish_reason", "stop_reason", "/status", "/reason"))
        and found.code != "finish_hides_truncation"
    )
