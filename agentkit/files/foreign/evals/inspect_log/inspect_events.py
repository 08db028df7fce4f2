"""The events of a sample of an Inspect log: which model call gave which answer, which tool event is
of which call, and which calls ran an agent of their own.

Source: inspect_ai, event/*.py; agents and handoffs: agent/_handoff.py and _as_tool.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.evals.fields import object_in, objects_in, text_in
from agentkit.files.foreign.evals.inspect_log.inspect_answer import failed_exchange
from agentkit.files.foreign.evals.inspect_log.pools import Pools
from agentkit.files.foreign.format import first_object

Event = Mapping[str, Any]


class SampleEvents:
    """The model and tool events of one sample, by what they belong to."""

    def __init__(self, sample: Mapping[str, Any], pools: Pools) -> None:
        self.pools = pools
        self._tools: dict[str, list[Event]] = {}
        """The tool events of each call id, which a later call may have too."""
        self.models: dict[str | None, list[Event]] = {}
        """The model events by the call whose agent asked; None: the sample's own."""
        self.scorers = 0
        """How many model calls were of a scorer."""
        self.others: dict[str, int] = {}
        """How many events of other kinds there are."""
        self._parents: dict[str, str] = {}
        self._scoring: set[str] = set()
        self._agents: dict[str, str] = {}
        self._opened: dict[str, str] = {}
        transcript = object_in(sample.get("transcript"))
        listed = objects_in(sample.get("events") or transcript.get("events"))
        for event in listed:
            self._tell_spans(event)
        self._take(listed, None)
        self._by_id: dict[str, tuple[str | None, Event]] = {}
        self._by_text: dict[Any, deque[Event]] = {}
        for owner, events in self.models.items():
            for event in events:
                if failed_exchange(event) is not None:
                    continue
                message = answer_of(event)
                if text_in(message.get("id")):
                    self._by_id[message["id"]] = (owner, event)
                if owner is None:
                    self._by_text.setdefault(_key(pools.resolve(message)), deque()).append(event)
        self.used: set[int] = set()
        """The `id` of the events that gave an answer of the conversation."""

    def _tell_spans(self, event: Event) -> None:
        """Learn which spans are of an agent that a tool call ran, and which of a scorer."""
        kind, name = event.get("event"), text_in(event.get("name"))
        if kind == "span_begin":
            span = text_in(event.get("id"))
            self._parents[span] = text_in(event.get("parent_id"))
            if event.get("type") in ("scorer", "scorers"):
                self._scoring.add(span)
            elif event.get("type") == "tool":
                self._opened[name] = span
        elif kind == "tool":
            call = text_in(event.get("id"))
            span = text_in(event.get("agent_span_id"))
            span = span or self._opened.pop(text_in(event.get("function")), "")
            if span and call:
                self._agents[span] = call

    def _take(self, events: list[Event], owner: str | None) -> None:
        for event in events:
            kind = text_in(event.get("event"))
            if kind == "model":
                who = owner or self._owner(text_in(event.get("span_id")))
                if who == "":
                    self.scorers += 1
                else:
                    self.models.setdefault(who, []).append(event)
            elif kind == "tool":
                call = text_in(event.get("id"))
                self._tools.setdefault(call, []).append(event)
                self._take(objects_in(event.get("events")), call)
            elif kind == "subtask":  # of 2024: what ran in it lies inside
                self._take(objects_in(event.get("events")), owner)
            elif kind not in _SILENT:
                self.others[kind] = self.others.get(kind, 0) + 1

    def _owner(self, span: str) -> str | None:
        """Find the call whose agent a span is of; "" for a scorer's, None for the sample's own."""
        seen: set[str] = set()
        while span and span not in seen:
            seen.add(span)
            if span in self._scoring:
                return ""
            if span in self._agents:
                return self._agents[span]
            span = self._parents.get(span, "")
        return None

    def of_call(self, call: str, message: Mapping[str, Any]) -> Event:
        """Find the tool event of a call, and take it: the one that made this message of a result,
        or the next one that tells of none; an empty one where there is none.
        """
        waiting = self._tools.get(call, [])
        named = text_in(message.get("id"))
        made = (event for event in waiting if named and event.get("message_id") == named)
        untold = (event for event in waiting if len(waiting) == 1 or not event.get("message_id"))
        found = next(made, None) or next(untold, None)
        if found is None:
            return {}
        waiting[:] = [event for event in waiting if event is not found]
        return found

    def of_answer(self, message: Mapping[str, Any]) -> tuple[str | None, Event | None]:
        """Find the model event that gave an answer, and the call whose agent asked: by the
        message's id, or by what it says where the log has no ids.
        """
        named = text_in(message.get("id"))
        if named in self._by_id:
            owner, event = self._by_id[named]
            self.used.add(id(event))
            return owner, event
        waiting = self._by_text.get(_key(message))
        while waiting:
            event = waiting.popleft()
            if id(event) not in self.used:
                self.used.add(id(event))
                return None, event
        return None, None


_SILENT = frozenset(
    (
        *("span_begin", "span_end", "step", "state", "store", "sample_init", "score", "error"),
        *("sample_limit", "logger", "info"),
    )
)
"""Kinds of events of which nothing is lost with the rollout, for the sample says it too."""


def answer_of(event: Event) -> Mapping[str, Any]:
    """Give the message that a model event answered with."""
    choice = first_object(object_in(event.get("output")).get("choices"))
    return object_in(choice.get("message"))


def _key(message: Mapping[str, Any]) -> Any:
    """What tells an answer where it has no id: its text, and the ids of its calls."""
    content = message.get("content")
    parts = [text_in(part.get("text")) for part in objects_in(content)]
    text = content if isinstance(content, str) else "\n".join(parts)
    return text, tuple(str(call.get("id")) for call in objects_in(message.get("tool_calls")))
