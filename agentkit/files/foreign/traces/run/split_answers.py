"""Answers that the requests behind them hold in several messages, as the items of Responses are
recorded: each is one message again, so that the requests go on from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from agentkit.files.foreign.traces.loose import mappings
from agentkit.files.foreign.traces.run.recorded_runs import Trace
from agentkit.files.foreign.traces.spelling.utterance import as_one


def join_answers(trace: Trace) -> None:
    """Make one message of those of the assistant that are together an answer of the trace."""
    answers = {
        _content_and_calls(run.answer.message) for run in trace.calls if run.answer is not None
    }
    for run in trace.calls:
        run.messages = _joined(run.messages, answers)


def _joined(messages: Sequence[dict[str, Any]], answers: set[Any]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for role, group in groupby(messages, lambda message: message.get("role")):
        listed = [*group]
        if role == "assistant" and len(listed) > 1:
            one = as_one(listed)
            listed = [one] if _content_and_calls(one) in answers else listed
        made += listed
    return made


def _content_and_calls(message: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    calls = mappings(message.get("tool_calls"))
    return str(message.get("content") or ""), tuple(str(call.get("id")) for call in calls)
