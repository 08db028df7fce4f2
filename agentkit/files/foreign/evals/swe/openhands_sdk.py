"""Events of OpenHands' agent SDK as a conversation: actions of one answer are one turn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry
from agentkit.files.foreign.evals.fields import (
    call_of,
    chat_tools,
    object_in,
    objects_in,
    seconds_between,
    text_in,
)
from agentkit.types.trajectory import StopReason

_KINDS = frozenset(
    (
        *("ActionEvent", "ObservationEvent", "MessageEvent", "SystemPromptEvent"),
        *("AgentErrorEvent", "UserRejectObservation", "Condensation", "CondensationRequest"),
        *("PauseEvent", "ConversationStateUpdateEvent", "ConversationErrorEvent"),
    )
)
_SILENT = frozenset(("PauseEvent", "ConversationStateUpdateEvent", "TokenEvent"))


def is_sdk_event(value: Any) -> bool:
    """Tell whether it is an event of the SDK."""
    kind = object_in(value).get("kind")
    return isinstance(kind, str) and kind in _KINDS and "source" in value


class SdkReading:
    """The reading of one list of events."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self.model = ""
        """The model that the events name."""
        self.tools: tuple[dict[str, Any], ...] = ()
        """The tools that the system prompt names."""
        self.ended: StopReason | None = None
        """Why it ended, where an event says so."""
        self._times: dict[str, Any] = {}

    def entries(self, events: list[Mapping[str, Any]]) -> list[ChatEntry]:
        """Read the events in order."""
        found: list[ChatEntry] = []
        waiting: list[Mapping[str, Any]] = []
        for event in events:
            same = event.get("llm_response_id") if event.get("kind") == "ActionEvent" else None
            if waiting and (same is None or same != waiting[0].get("llm_response_id")):
                found.append(self._answer(waiting))
                waiting = []
            if event.get("kind") == "ActionEvent":
                waiting.append(event)
            else:
                made = self._other(event)
                found += [] if made is None else [made]
        return [*found, *([self._answer(waiting)] if waiting else [])]

    def _answer(self, events: list[Mapping[str, Any]]) -> ChatEntry:
        first = events[0]
        wire: dict[str, Any] = {
            "role": "assistant",
            "content": _text(first.get("thought")),
            "tool_calls": [_call(event) for event in events],
        }
        if text_in(first.get("reasoning_content")):
            wire["reasoning_content"] = first["reasoning_content"]
        for event in events:
            self._times[text_in(event.get("tool_call_id"))] = event.get("timestamp")
            if event.get("tool_name") == "finish":
                self.ended = "final"
        named = text_in(first.get("llm_response_id")) or None
        source = [dict(event) for event in events]
        return entry(wire, answered(wire, source=source, id=named))

    def _other(self, event: Mapping[str, Any]) -> ChatEntry | None:
        kind = text_in(event.get("kind"))
        if kind == "SystemPromptEvent":
            self.tools = chat_tools(event.get("tools"))
            prompt = object_in(event.get("system_prompt"))
            return entry({"role": "system", "content": text_in(prompt.get("text"))})
        if kind == "MessageEvent":
            return self._message(event)
        if kind in ("ObservationEvent", "AgentErrorEvent", "UserRejectObservation"):
            return self._result(event, kind)
        if kind not in _SILENT:
            self.losses.note(f"an event of kind {kind or 'none'}")
        return None

    def _message(self, event: Mapping[str, Any]) -> ChatEntry:
        message = object_in(event.get("llm_message"))
        role = text_in(message.get("role")) or "user"
        more = _text(event.get("extended_content"))
        wire: dict[str, Any] = {"role": role, "content": _text(message.get("content")) + more}
        if role != "assistant":
            return entry(wire)
        if text_in(message.get("reasoning_content")):
            wire["reasoning_content"] = message["reasoning_content"]
        return entry(wire, answered(wire, source=dict(event)))

    def _result(self, event: Mapping[str, Any], kind: str) -> ChatEntry:
        call_id = text_in(event.get("tool_call_id"))
        observed = object_in(event.get("observation"))
        content = _text(observed.get("content")) or text_in(event.get("error"))
        content = content or text_in(event.get("rejection_reason"))
        if not content and observed:  # of another shape in each tool: as it is
            shown = {key: observed[key] for key in observed if key != "kind"}
            content = json.dumps(shown, ensure_ascii=False, default=str)
        took = seconds_between(self._times.get(call_id), event.get("timestamp"))
        fields: dict[str, Any] = {"elapsed": took}
        if kind == "AgentErrorEvent" or observed.get("is_error"):
            fields |= {"status": "error", "error": f"error: {content}"}
        elif kind == "UserRejectObservation":
            fields["status"] = "skipped"
        return entry({"role": "tool", "tool_call_id": call_id, "content": content}, **fields)


def _call(event: Mapping[str, Any]) -> dict[str, Any]:
    call = object_in(event.get("tool_call"))
    function = object_in(call.get("function")) or call
    name = text_in(function.get("name")) or event.get("tool_name")
    arguments = function.get("arguments")
    if arguments is None:
        action = object_in(event.get("action"))
        arguments = {key: action[key] for key in action if key != "kind"}
    return call_of(name, arguments, event.get("tool_call_id") or call.get("id"))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "\n".join(text_in(part.get("text")) for part in objects_in(value) if "text" in part)
