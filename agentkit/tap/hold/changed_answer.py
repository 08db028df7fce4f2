"""An answer that a person changes on its way to the agent: its text, or the arguments of a call.
Block or stream, only what is changed differs from what the server sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentkit.dialects.responses.items.item_kinds import is_call
from agentkit.errors import NotFound, UsageError
from agentkit.read.response import read_response
from agentkit.tap.hold.awaited_form import AnswerForm
from agentkit.tap.hold.json_places import Path, with_values
from agentkit.testing.server.recorded import body_of, dialect_of
from agentkit.trajectory.person.by_hand import in_dialect, rewritten
from agentkit.types.answer import Response, ToolCall
from agentkit.types.wire import Chunk, Exchange

_DATA = re.compile(r"^data: ?(\{[^\r\n]*\})[ \t]*$", re.MULTILINE)
Values = dict[Path, Any]


@dataclass(frozen=True, slots=True)
class _Change:
    text: str | None
    """The new text; None where it stays."""
    call: ToolCall | None
    """The call with its new arguments; None where all stay."""
    calls: tuple[ToolCall, ...]
    """All calls as they are to be read then."""


def changed_answer(
    exchange: Exchange,
    *,
    text: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    call: int = 0,
) -> Exchange:
    """Write an answer with another text, or with other arguments of a call.

    Args:
        exchange: the answer as the server gave it.
        text: in place of its text; None leaves it.
        arguments: in place of those of the call; None leaves them.
        call: which call, from 0.

    Raises:
        NotFound: there is no such call.
        UsageError: the answer is none of a model, or the arguments cannot be used.
    """
    response = read_response(exchange)
    if not response.usable:
        raise UsageError(
            "the answer holds no message that could be changed",
            hint="it can be sent as it is, failed, or another one given: answer('…')",
        )
    changed, calls = None, response.tool_calls
    if arguments is not None:
        if not -len(calls) <= call < len(calls):
            raise NotFound(f"the answer has no call {call}", hint=f"it has {len(calls)}, from 0")
        changed = rewritten(calls[call], arguments)
    calls = tuple(changed if changed and c.position == changed.position else c for c in calls)
    change = _Change(text, changed, calls)
    made = _in_place(exchange, change)
    if made is None or not _is_so(read_response(made), response, change):
        made = _written_anew(exchange, response, change)
    return replace(made, headers=_unframed(exchange))


def _unframed(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    """Leave out the headers that say how long the old text was, and how it was packed."""
    framing = ("content-length", "content-encoding", "transfer-encoding", "etag", "content-md5")
    return tuple(pair for pair in exchange.headers if pair[0].lower() not in framing)


def _is_so(made: Response, old: Response, change: _Change) -> bool:
    """Tell whether an answer reads as the change wants it."""
    text = old.wire_content if change.text is None else change.text
    if (made.wire_content or "") != (text or "") or len(made.tool_calls) != len(change.calls):
        return False
    pairs = zip(made.tool_calls, change.calls, strict=True)
    return all((a.id, a.name, a.arguments) == (b.id, b.name, b.arguments) for a, b in pairs)


def _in_place(exchange: Exchange, change: _Change) -> Exchange | None:
    """Put the new values where the old ones stand; None where that is not known."""
    if not exchange.chunks:
        data = exchange.raw
        values = _PLACES[dialect_of(exchange)](change).body(data) if isinstance(data, dict) else {}
        return replace(exchange, body=with_values(exchange.body, values)) if values else None
    text = "".join(chunk.text for chunk in exchange.chunks)
    places = _PLACES[dialect_of(exchange)](change)
    edits = []
    for found in _DATA.finditer(text):
        try:
            data = json.loads(found[1])
        except (ValueError, RecursionError):
            return None
        if values := places.event(data):
            edits.append((*found.span(1), with_values(found[1], values)))
    return replace(exchange, chunks=tuple(_edited(exchange.chunks, edits))) if edits else None


def _edited(chunks: Sequence[Chunk], edits: list[tuple[int, int, str]]) -> Iterator[Chunk]:
    """Cut the changed text where the old one was cut; what is new comes where the old began."""
    start = 0
    for chunk in chunks:
        end, at, parts = start + len(chunk.text), start, []
        for first, last, put in edits:
            if last <= start or first >= end:
                continue
            parts.append(chunk.text[at - start : max(first - start, 0)])
            parts.append(put if first >= start else "")
            at = min(max(at, last), end)
        parts.append(chunk.text[at - start :])
        yield replace(chunk, text="".join(parts))
        start = end


class _Places:
    """Where the values of a change stand in bodies and events of one dialect. Of a text in pieces
    the first piece becomes the new one, and those behind it become empty.
    """

    def __init__(self, change: _Change) -> None:
        self.text = change.text
        self.call = change.call
        self._begun: set[Any] = set()

    def body(self, data: dict[str, Any]) -> Values:
        """Say what changes in a block answer."""
        raise NotImplementedError

    def event(self, data: dict[str, Any]) -> Values:
        """Say what changes in an event of a stream."""
        raise NotImplementedError

    def piece(self, key: Any, new: str) -> str:
        """Give what takes the place of a piece: all for the first one of its text."""
        if key in self._begun:
            return ""
        self._begun.add(key)
        return new


class _ChatPlaces(_Places):
    def body(self, data: dict[str, Any]) -> Values:
        return self._choice(data, "message")

    def event(self, data: dict[str, Any]) -> Values:
        return self._choice(data, "delta")

    def _choice(self, data: dict[str, Any], name: str) -> Values:
        found: Values = {}
        choices = data.get("choices")
        for at, choice in enumerate(choices if isinstance(choices, list) else ()):
            inner = choice.get(name) if isinstance(choice, dict) else None
            if choice.get("index", 0) != 0 or not isinstance(inner, dict):
                continue
            place: Path = ("choices", at)
            if self.text is not None and isinstance(inner.get("content"), str) and inner["content"]:
                found[(*place, name, "content")] = self.piece("text", self.text)
            found |= self._calls(inner, (*place, name, "tool_calls"))
            for field in ("logprobs", "token_ids"):  # no model has written these tokens
                if found and choice.get(field) is not None:
                    found[(*place, field)] = None
        return found

    def _calls(self, inner: dict[str, Any], place: Path) -> Values:
        found: Values = {}
        listed = inner.get("tool_calls")
        if self.call is None or not isinstance(listed, list):
            return found
        for at, entry in enumerate(listed):
            for kind, field in (("function", "arguments"), ("custom", "input")):
                holder = entry.get(kind) if isinstance(entry, dict) else None
                if not isinstance(holder, dict) or entry.get("index", at) != self.call.position:
                    continue
                if isinstance(holder.get(field), str):
                    new = _sent(self.call)
                    found[(*place, at, kind, field)] = self.piece("call", new)
        return found


class _MessagesPlaces(_Places):
    def __init__(self, change: _Change) -> None:
        super().__init__(change)
        self._mine: set[Any] = set()

    def body(self, data: dict[str, Any]) -> Values:
        found: Values = {}
        for at, block in enumerate(data.get("content") or ()):
            if self._is_call(block) and self.call is not None:
                found["content", at, "input"] = self.call.arguments
            elif self.text is not None and _kind(block) == "text":
                found["content", at, "text"] = self.piece("text", self.text)
        return found

    def event(self, data: dict[str, Any]) -> Values:
        index, delta = data.get("index"), data.get("delta")
        if data.get("type") == "content_block_start" and self._is_call(data.get("content_block")):
            self._mine.add(index)
        if data.get("type") != "content_block_delta" or not isinstance(delta, dict):
            return {}
        if self.text is not None and isinstance(delta.get("text"), str):
            return {("delta", "text"): self.piece("text", self.text)}
        given = delta.get("partial_json")
        if self.call is not None and index in self._mine and isinstance(given, str) and given:
            return {("delta", "partial_json"): self.piece("call", self.call.raw_arguments)}
        return {}

    def _is_call(self, block: Any) -> bool:
        named = _kind(block) == "tool_use" and self.call is not None
        return named and block.get("id") == (self.call.raw_id if self.call else None)


class _ResponsesPlaces(_Places):
    def body(self, data: dict[str, Any], place: Path = ()) -> Values:
        found: Values = {}
        output = data.get("output")
        for at, item in enumerate(output if isinstance(output, list) else ()):
            found |= self._item(item, (*place, "output", at))
        return found

    def event(self, data: dict[str, Any]) -> Values:
        kind = str(data.get("type"))
        if isinstance(data.get("response"), dict):
            self._begun.clear()
            return self.body(data["response"], ("response",))
        if kind == "response.output_item.done":
            self._begun.discard("whole")
            return self._item(data.get("item"), ("item",))
        if self.text is not None and kind.startswith("response.output_text."):
            return self._piece(data, "text", self.text)
        if self.text is not None and kind == "response.content_part.done":
            self._begun.discard("whole")
            return self._part(data.get("part"), ("part",))
        named = self.call is not None and data.get("item_id") == self.call.item_id
        if named and self.call is not None and "arguments" in kind:
            return self._piece(data, "arguments", self.call.raw_arguments)
        if named and self.call is not None and "custom_tool_call_input" in kind:
            return self._piece(data, "input", self.call.raw_arguments)
        return {}

    def _piece(self, data: dict[str, Any], field: str, new: str) -> Values:
        """Change one piece of a text, or the whole of it behind them."""
        stale: Values = {("logprobs",): []} if data.get("logprobs") else {}
        if isinstance(data.get("delta"), str):
            return {("delta",): self.piece(field, new), **stale}
        return {(field,): new, **stale} if isinstance(data.get(field), str) else {}

    def _item(self, item: Any, place: Path) -> Values:
        if not isinstance(item, dict):
            return {}
        if self.call is not None and is_call(item) and self._is_mine(item):
            field = "input" if self.call.status == "custom" else "arguments"
            return {(*place, field): _sent(self.call)} if field in item else {}
        content = item.get("content")
        found: Values = {}
        if _kind(item) == "message" and isinstance(content, list):
            for at, part in enumerate(content):
                found |= self._part(part, (*place, "content", at))
        return found

    def _is_mine(self, item: dict[str, Any]) -> bool:
        assert self.call is not None
        return (item.get("call_id"), item.get("id")) == (self.call.raw_id, self.call.item_id)

    def _part(self, part: Any, place: Path) -> Values:
        if self.text is None or _kind(part) != "output_text":
            return {}
        stale: Values = {(*place, n): [] for n in ("logprobs", "annotations") if part.get(n)}
        return {(*place, "text"): self.piece("whole", self.text), **stale}


_PLACES: dict[str, Callable[[_Change], _Places]] = {
    "chat": _ChatPlaces,
    "messages": _MessagesPlaces,
    "responses": _ResponsesPlaces,
}


def _kind(value: Any) -> Any:
    return value.get("type") if isinstance(value, dict) else None


def _sent(call: ToolCall) -> str:
    """Give what a call is written with: the text of a custom one is its one argument."""
    given = (call.arguments or {}).get("input") if call.status == "custom" else None
    return given if isinstance(given, str) else call.raw_arguments


def _written_anew(exchange: Exchange, response: Response, change: _Change) -> Exchange:
    """Write the whole message anew in what it came in; ids, counts and the end stay."""
    body, dialect = body_of(exchange), dialect_of(exchange)
    text = response.wire_content if change.text is None else change.text
    calls = [
        {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": _sent(c)}}
        for c in change.calls
    ]
    said = {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}
    if dialect == "chat":
        first, *others = body["choices"]
        message = {k: v for k, v in first["message"].items() if k != "function_call"} | said
        body = {**body, "choices": [{**first, "message": message}, *others]}
    else:
        made = in_dialect(said, dialect, response)
        body = {**body, **{name: made[name] for name in ("content", "output") if name in made}}
    form = AnswerForm(dialect=dialect, streams=bool(exchange.chunks), counts="usage" in body)
    if not form.streams:
        return replace(exchange, body=form.text(body))
    at = exchange.chunks[-1].at
    return replace(exchange, chunks=tuple(Chunk(at=at, text=each) for each in form.pieces(body)))
