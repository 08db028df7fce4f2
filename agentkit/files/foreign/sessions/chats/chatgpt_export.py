"""The export of ChatGPT: `conversations.json`, a tree of messages for each conversation.

Source: exports as mitkury/chatgpt-export-parser and Sinity/polylogue describe and read them; the
makers document none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry, imported
from agentkit.files.foreign.evals.fields import given, list_in, object_in, objects_in, text_in
from agentkit.files.foreign.format import ForeignFormat, each_of, flat, numbered, row_in, rows_fit
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.sessions.chats.chat_tree import ChatNode, Path, paths_in, rollouts_of
from agentkit.files.foreign.traces.moment import moment
from agentkit.files.foreign.traces.spelling.utterance import (
    assistant,
    call,
    custom,
    is_object,
    tool,
)
from agentkit.types.request import Spec
from agentkit.types.trajectory import Message, Trajectory

_READ = (
    *("id", "conversation_id", "title", "create_time", "update_time", "mapping", "current_node"),
    *("default_model_slug", "gizmo_id", "conversation_origin", "async_status", "safe_urls"),
    *("is_archived", "is_starred", "plugin_ids", "conversation_template_id", "gizmo_type"),
)
_ENDS = {"stop": "stop", "max_tokens": "length", "interrupted": "interrupted"}
_PLAIN = ("text", "result", "content", "output_str", "model_set_context")
"""Where a content without parts has its text."""
_ALL = ("all", "")
"""To whom words of an answer go that are no call."""


def _is_conversation(row: Mapping[str, Any]) -> bool:
    nodes = object_in(row.get("mapping"))
    told = [one for one in nodes.values() if isinstance(one, Mapping)][:9]
    return any("message" in one and ("parent" in one or "children" in one) for one in told)


def _read(source: FileSet) -> Iterable[Trajectory]:
    return each_of(source, numbered(flat(source), "conversation"), _rollouts)


def _rollouts(value: Any) -> list[Trajectory]:
    row = row_in(value)
    if not _is_conversation(row):
        raise ValueError("it has no mapping of messages")
    losses = Losses("ChatGPT export")
    losses.beside(row, _READ, "conversation")
    nodes = {name: _node(node) for name, node in object_in(row["mapping"]).items()}
    paths = paths_in(nodes, row.get("current_node"), losses)
    meta = given(
        session=row.get("conversation_id") or row.get("id"),
        title=row.get("title"),
        started=moment(row.get("create_time")),
        gizmo=row.get("gizmo_id"),
    )

    def read(path: Path, of_branch: dict[str, Any]) -> Trajectory:
        reading = _ChatReading(losses.copied())
        for message in path:
            reading.add(message)
        entries = reading.all()
        model = reading.model or text_in(row.get("default_model_slug")) or None
        return imported(entries, Spec(model=model), reading.losses, {**meta, **of_branch})

    return rollouts_of(paths, read)


def _node(node: Any) -> ChatNode:
    message = object_in(object_in(node).get("message"))
    parent = object_in(node).get("parent")
    role = object_in(message.get("author")).get("role")
    return ChatNode(parent if isinstance(parent, str) else None, message, role == "assistant")


class _ChatReading:
    """The reading of one path: what stands together of an assistant is one answer."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self.model = ""
        """The model that the first answer names."""
        self._found: list[ChatEntry] = []
        self._answer: list[Mapping[str, Any]] = []
        self._calls: list[tuple[str, str]] = []
        self._result = False
        self._more: list[str] = []

    def add(self, message: Mapping[str, Any]) -> None:
        """Take one message."""
        role = text_in(object_in(message.get("author")).get("role"))
        if object_in(message.get("metadata")).get("attachments"):
            self.losses.note("attachments of a message")
        if role != "tool":
            self._join()
        if role == "assistant":
            if self._answer and self._answer[-1].get("end_turn") is True:
                self._close()
            self._answer.append(message)
            return
        if role == "tool" and object_in(message.get("content")).get("content_type") == "thoughts":
            self.losses.note("a result of which only its title is kept")
            return
        self._close()
        if role == "tool":
            self._take_result(message)
            return
        said = _text(object_in(message.get("content")), self.losses)
        if said and role:
            self._found.append(entry({"role": role, "content": said}))
        self._result = False

    def _join(self) -> None:
        """Put what a tool gave in further messages behind its result."""
        if self._more:
            before = self._found[-1].message.wire
            texts = filter(None, (str(before["content"]), *self._more))
            told = Message(wire={**before, "content": "\n".join(texts)})
            self._found[-1] = replace(self._found[-1], message=told)
            self._more = []

    def all(self) -> list[ChatEntry]:
        """Give the conversation."""
        self._join()
        self._close()
        return self._found

    def _close(self) -> None:
        """Make an answer of the assistant's messages that came."""
        if not self._answer:
            return
        messages, self._answer, self._calls, self._result = self._answer, [], [], False
        texts, thoughts, calls = [], [], []
        for message in messages:
            content, recipient = object_in(message.get("content")), message.get("recipient")
            kind = text_in(content.get("content_type"))
            said = _text(content, self.losses)
            if kind == "thoughts":
                thoughts.append(_thoughts(content) or said)
                if recipient not in (None, *_ALL):
                    self.losses.note("a call of which only its title is kept")
            elif kind == "reasoning_recap":
                self.losses.note("a content of type reasoning_recap")
            elif isinstance(recipient, str) and recipient not in _ALL:
                named = text_in(message.get("id"))
                calls.append((call if is_object(said) else custom)(recipient, said, named))
                self._calls.append((recipient, named))
            elif said:
                texts.append(said)
        if not texts and not thoughts and not calls:
            return
        last = messages[-1]
        told = object_in(last.get("metadata"))
        self.model = self.model or text_in(told.get("model_slug"))
        wire = assistant("\n".join(texts) or None, calls, "\n".join(thoughts))
        ended = _ENDS.get(text_in(object_in(told.get("finish_details")).get("type")))
        source = [dict(message) for message in messages]
        made = answered(
            wire,
            source=source[0] if len(source) == 1 else source,
            choice={"finish_reason": None if calls else ended},
            id=last.get("id"),
            model=text_in(told.get("model_slug")) or None,
        )
        self._found.append(entry(wire, made))

    def _take_result(self, message: Mapping[str, Any]) -> None:
        """Read what a tool gave: of the next call of its name, or more of the last one's."""
        name = text_in(object_in(message.get("author")).get("name"))
        said = _text(object_in(message.get("content")), self.losses)
        mine = [one for one in self._calls if one[0] == name] or self._calls[:1]
        if not mine and self._result and self._found:
            self._more.append(said)
            return
        self._join()
        if mine:
            self._calls.remove(mine[0])
        else:
            self.losses.note("a tool's message of no call")
        self._result = bool(mine)
        named = mine[0][1] if mine else None
        self._found.append(entry(tool(said, named, name), **_failed(message, said)))


def _failed(message: Mapping[str, Any], said: str) -> dict[str, Any]:
    """Tell whether a tool failed, as far as its message says so."""
    ran = object_in(object_in(message.get("metadata")).get("aggregate_result"))
    wrong = object_in(message.get("content")).get("content_type") == "system_error"
    if wrong or text_in(ran.get("status")).startswith("fail"):
        return {"status": "error", "error": said}
    return {}


def _thoughts(content: Mapping[str, Any]) -> str:
    found = [
        "\n".join(filter(None, (text_in(one.get("summary")), text_in(one.get("content")))))
        for one in objects_in(content.get("thoughts"))
    ]
    return "\n".join(filter(None, found))


def _text(content: Mapping[str, Any], losses: Losses) -> str:
    """Read the text of a content; what lies in other files is counted."""
    if content.get("content_type") == "user_editable_context":
        both = (content.get("user_profile"), content.get("user_instructions"))
        return "\n".join(text_in(one) for one in both if text_in(one))
    found: list[str] = []
    for part in list_in(content.get("parts")):
        inner = object_in(part).get("text")
        if isinstance(part, str):
            found.append(part)
        elif isinstance(inner, str):
            found.append(inner)
        else:
            losses.note(f"a part of type {text_in(object_in(part).get('content_type')) or 'none'}")
    found = found or [text_in(content.get(key)) for key in _PLAIN]
    return "\n".join(filter(None, found))


CHATGPT = ForeignFormat("a ChatGPT export", rows_fit(_is_conversation), _read)
