"""The export of Claude.ai: `conversations.json`, with the messages of each conversation.

Source: exports as Sinity/polylogue and socketteer/Claude-Conversation-Exporter read them; the
makers document none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentkit.files.foreign.entries import ChatEntry, Losses, answered, entry, imported
from agentkit.files.foreign.evals.fields import given, object_in, objects_in, text_in
from agentkit.files.foreign.format import ForeignFormat, each_of, flat, numbered, row_in, rows_fit
from agentkit.files.foreign.input.file_set import FileSet
from agentkit.files.foreign.sessions.chats.chat_tree import ChatNode, Path, paths_in, rollouts_of
from agentkit.files.foreign.traces.moment import moment
from agentkit.files.foreign.traces.spelling.utterance import assistant, call, tool
from agentkit.types.request import Spec
from agentkit.types.trajectory import Trajectory

_READ = (
    *("uuid", "name", "title", "summary", "created_at", "updated_at", "account", "chat_messages"),
    *("model", "project", "project_uuid", "settings", "is_starred", "current_leaf_message_uuid"),
    *("platform", "is_temporary"),
)
_SPOKEN = ("text", "thinking", "tool_use", "redacted_thinking")


def _fits(row: Mapping[str, Any]) -> bool:
    said = objects_in(row.get("chat_messages"))[:9]
    return any("sender" in one and ("text" in one or "content" in one) for one in said)


def _read(source: FileSet) -> Iterable[Trajectory]:
    rows = [*numbered(flat(source), "conversation")]
    # the others were begun, and nothing was asked
    begun = [(name, row) for name, row in rows if object_in(row).get("chat_messages") != []]
    yield from each_of(source, begun, _rollouts)
    if empty := len(rows) - len(begun):
        source.bad.append(f"{empty} of its conversations hold no message")


def _rollouts(value: Any) -> list[Trajectory]:
    row = row_in(value)
    listed = row.get("chat_messages")
    if not isinstance(listed, list):
        raise ValueError("it holds no messages")
    losses = Losses("Claude.ai export")
    losses.beside(row, _READ, "conversation")
    losses.strays(listed, "chat_messages")
    messages = objects_in(listed)
    nodes = _nodes(messages)
    paths = paths_in(nodes, row.get("current_leaf_message_uuid") or _last(nodes), losses)
    model = text_in(row.get("model")) or None
    meta = given(
        session=row.get("uuid"),
        title=row.get("name") or row.get("title"),
        summary=row.get("summary"),
        started=moment(row.get("created_at")),
        project=object_in(row.get("project")).get("uuid") or row.get("project_uuid"),
    )

    def read(path: Path, of_branch: dict[str, Any]) -> Trajectory:
        own = losses.copied()
        entries = [one for message in path for one in _entries(message, own)]
        return imported(entries, Spec(model=model), own, {**meta, **of_branch})

    return rollouts_of(paths, read)


def _nodes(messages: list[Mapping[str, Any]]) -> dict[str, ChatNode]:
    """Give the tree of the messages: a line where none says which it follows."""
    names = [text_in(one.get("uuid")) or f"message {n}" for n, one in enumerate(messages)]
    known = set(names)
    branched = any(text_in(one.get("parent_message_uuid")) in known for one in messages)
    nodes: dict[str, ChatNode] = {}
    for place, (name, message) in enumerate(zip(names, messages, strict=True)):
        before = text_in(message.get("parent_message_uuid")) or None
        if not branched:
            before = names[place - 1] if place else None
        if name in nodes:  # an id that came twice
            name = f"{name} {place}"
            names[place] = name
        nodes[name] = ChatNode(before, message, message.get("sender") == "assistant")
    return nodes


def _last(nodes: dict[str, ChatNode]) -> str | None:
    return next(reversed(nodes), None)


def _entries(message: Mapping[str, Any], losses: Losses) -> Iterator[ChatEntry]:
    """Read one message; an assistant's that called tools is an answer, its results, an answer …"""
    for key in ("files", "files_v2"):
        for _ in objects_in(message.get(key)):
            losses.note("files of a message")
    blocks = objects_in(message.get("content")) or [{"type": "text", "text": message.get("text")}]
    role = "assistant" if message.get("sender") == "assistant" else "user"
    spoken: list[Mapping[str, Any]] = []
    for block in blocks:
        if block.get("type") == "tool_result":
            yield from _made(spoken, role, message)
            spoken = []
            yield _result(block, losses)
        elif block.get("type") in _SPOKEN:
            spoken.append(block)
        else:
            losses.note(f"content[] of type {block.get('type')}")
    read = [one.get("extracted_content") for one in objects_in(message.get("attachments"))]
    spoken += [{"type": "text", "text": one} for one in read if text_in(one)]
    yield from _made(spoken, role, message)


def _made(
    blocks: list[Mapping[str, Any]], role: str, message: Mapping[str, Any]
) -> Iterator[ChatEntry]:
    """Make a message of what was spoken until a result came."""
    texts = [text_in(one.get("text")) for one in blocks if one.get("type") == "text"]
    said = "\n".join(filter(None, texts))
    thoughts = [text_in(one.get("thinking")) for one in blocks if one.get("type") == "thinking"]
    calls = [
        call(one.get("name"), one.get("input"), one.get("id"))
        for one in blocks
        if one.get("type") == "tool_use"
    ]
    if role == "user" and said:
        yield entry({"role": "user", "content": said})
    elif role == "assistant" and (said or calls or any(thoughts)):
        wire = assistant(said or None, calls, "\n".join(filter(None, thoughts)))
        source = {**message, "content": [dict(block) for block in blocks]}
        yield entry(wire, answered(wire, source=source, id=message.get("uuid")))


def _result(block: Mapping[str, Any], losses: Losses) -> ChatEntry:
    content = block.get("content", block.get("text"))
    found = [content] if isinstance(content, str) else []
    for part in objects_in(content):
        if isinstance(part.get("text"), str):
            found.append(part["text"])
        else:
            losses.note(f"a result's content of type {part.get('type')}")
    said = "\n".join(found)
    failed: dict[str, Any]
    failed = {"status": "error", "error": said} if block.get("is_error") is True else {}
    named = block.get("tool_use_id") or block.get("id")
    return entry(tool(said, named, block.get("name")), **failed)


CLAUDE_AI = ForeignFormat("a Claude.ai export", rows_fit(_fits), _read)
