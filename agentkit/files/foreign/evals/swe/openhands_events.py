"""Events of OpenHands' first generation as a conversation: actions of one answer are one turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry
from agentkit.files.foreign.evals.fields import (
    call_of,
    chat_tools,
    list_in,
    object_in,
    raw_exchange,
    seconds_between,
    text_in,
)
from agentkit.types.trajectory import StopReason

_SILENT = frozenset(("null", "agent_state_changed", "change_agent_state", "initialize"))
"""Kinds of events of which the model sees nothing."""
_ASIDE = frozenset(
    (
        *("thought", "confirmation_state", "security_risk", "hidden", "blocking", "is_static"),
        *("is_confirmed", "translated_ipython_code", "include_extra", "kernel_init_code", "wait"),
    )
)
"""Arguments of an action that are no part of what is done."""


class EventReading:
    """The reading of one list of events."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self.model = ""
        """The model that the answers name."""
        self.tools: tuple[dict[str, Any], ...] = ()
        """The tools that the system message names."""
        self.ended: StopReason | None = None
        """Why it ended, where an event says so."""
        self._found: list[ChatEntry] = []
        self._calls: dict[Any, tuple[str, Any]] = {}
        self._answers: set[str] = set()

    def entries(self, events: list[Mapping[str, Any]]) -> list[ChatEntry]:
        """Read the events in order."""
        for event in events:
            if "action" in event:
                self._act(event)
            elif "observation" in event:
                self._observe(event)
            else:
                self.losses.note("an event that is neither action nor observation")
        return self._found

    def _act(self, event: Mapping[str, Any]) -> None:
        kind, args = text_in(event.get("action")), object_in(event.get("args"))
        content = text_in(args.get("content"))
        if kind in _SILENT:
            return
        if kind == "system":
            self.tools = chat_tools(args.get("tools"))
            self._found.append(entry({"role": "system", "content": content}))
        elif object_in(event.get("tool_call_metadata")).get("model_response"):
            self._answer(event)
        elif kind == "message" and event.get("source") != "agent":
            self._found.append(entry({"role": "user", "content": _shown(content, args)}))
        elif event.get("source") != "agent":
            self.losses.note(f"an action of kind {kind}, of nobody's answer")
        elif kind in ("message", "finish", "reject"):
            self._say(event, kind, args, content)
        elif kind in ("condensation", "condensation_request", "recall", "loop_recovery"):
            self.losses.note(f"an action of kind {kind}")
        else:
            self._call(event, kind, args)

    def _say(
        self, event: Mapping[str, Any], kind: str, args: Mapping[str, Any], content: str
    ) -> None:
        """Read an answer in words; one that ends the run has them under other names."""
        if kind != "message":
            self.ended = "final"
            outputs = object_in(args.get("outputs"))
            content = text_in(
                args.get("final_thought") or args.get("thought") or outputs.get("content")
            )
        wire = {"role": "assistant", "content": content}
        self._found.append(entry(wire, answered(wire, source=dict(event))))

    def _call(self, event: Mapping[str, Any], kind: str, args: Mapping[str, Any]) -> None:
        """Read an action that is kept without the answer it came from, as the call of its kind."""
        given = {key: value for key, value in args.items() if key not in _ASIDE}
        call_id = f"event_{event.get('id')}"
        wire = {
            "role": "assistant",
            "content": text_in(args.get("thought")),
            "tool_calls": [call_of(kind, given, call_id)],
        }
        self._calls[_key(event.get("id"))] = (call_id, event.get("timestamp"))
        self._found.append(entry(wire, answered(wire, source=dict(event))))

    def _answer(self, event: Mapping[str, Any]) -> None:
        """Read an action with the raw answer it came from, which others may have come from too."""
        known = object_in(event["tool_call_metadata"])
        raw = object_in(known.get("model_response"))
        call_id = text_in(known.get("tool_call_id"))
        self._calls[_key(event.get("id"))] = (call_id, event.get("timestamp"))
        if event.get("action") == "finish":
            self.ended = "final"
        named = text_in(raw.get("id"))
        if named and named in self._answers:
            return
        self._answers.add(named)
        self.model = self.model or text_in(raw.get("model"))
        choices = list_in(raw.get("choices"))
        message = object_in(object_in(choices[0] if choices else None).get("message"))
        self._found.append(entry({**message, "role": "assistant"}, raw_exchange(dict(raw))))

    def _observe(self, event: Mapping[str, Any]) -> None:
        kind, content = text_in(event.get("observation")), text_in(event.get("content"))
        if kind in _SILENT:
            return
        known = object_in(event.get("tool_call_metadata"))
        call_id, started = self._calls.get(_key(event.get("cause")), ("", None))
        call_id = text_in(known.get("tool_call_id")) or call_id
        if not call_id:
            self.losses.note(f"an observation of kind {kind}, of no call")
            if kind == "error":
                self._found.append(entry({"role": "user", "content": content}))
            return
        fields: dict[str, Any] = {"elapsed": seconds_between(started, event.get("timestamp"))}
        if kind == "error":
            fields |= {"status": "error", "error": f"error: {content}"}
        elif kind == "user_rejected":
            fields["status"] = "skipped"
        self._found.append(
            entry({"role": "tool", "tool_call_id": call_id, "content": content}, **fields)
        )


def _key(value: Any) -> Any:
    return value if isinstance(value, (str, int)) else None


def _shown(content: str, args: Mapping[str, Any]) -> Any:
    """Write a user's message with its images."""
    urls = [url for url in list_in(args.get("image_urls")) if isinstance(url, str)]
    if not urls:
        return content
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return [{"type": "text", "text": content}, *images]
