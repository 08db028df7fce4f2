"""The chunks of a stream put together: the body a server would have sent in one piece.

A call is known by its id, then by its index, then it is the latest one; the first name wins; arguments are parsed when the stream has ended, not
before. What servers do to these rules (no index, always index 0, an id in every chunk, another id in every chunk) is read and reported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from agentkit.types import Problem, Record, problem, record

_FOREIGN = ("response.", "message_", "content_block_")
"""What the events of OpenAI's Responses API and of Anthropic's Messages API are called."""
DeltaKind = Literal["content", "reasoning", "name", "arguments", "refusal"]


@record
class Delta(Record):
    """What one chunk added, for showing a stream as it grows."""

    kind: DeltaKind
    text: str
    position: int = 0
    """Which call it belongs to."""


class _Balance:
    """Whether a JSON text is whole, told piece by piece."""

    __slots__ = ("depth", "escaped", "in_string", "started")

    def __init__(self) -> None:
        self.depth = 0
        self.in_string = self.escaped = self.started = False

    def feed(self, text: str) -> None:
        for char in text:
            if self.escaped:
                self.escaped = False
            elif self.in_string:
                self.escaped, self.in_string = char == "\\", char != '"'
            elif char == '"':
                self.in_string = True
            elif char in "{[":
                self.depth, self.started = self.depth + 1, True
            elif char in "}]":
                self.depth -= 1

    @property
    def whole(self) -> bool:
        return self.started and self.depth <= 0


@dataclass(slots=True)
class _Call:
    index: Any = None
    id: Any = None
    name: str = ""
    kind: str = "function"
    pieces: list[str] = field(default_factory=list)
    whole: Any = None
    """Arguments that came as an object."""
    extra: Any = None
    """`extra_content`, Google's: a signature that must go back."""
    position: int = 0
    balance: _Balance = field(default_factory=_Balance)

    def wire(self) -> dict[str, Any]:
        text = "".join(self.pieces)
        given: Any = text if self.pieces else self.whole
        extra = {} if self.extra is None else {"extra_content": self.extra}
        if self.kind == "custom":
            return {"id": self.id, "type": "custom", "custom": {"name": self.name, "input": given or ""}, **extra}
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": given}, **extra}


class Assembly:
    """One answer in the making."""

    def __init__(self) -> None:
        self.chunks = 0
        self.problems: dict[str, Problem] = {}
        self._head: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}
        self._parts: list[Any] = []
        self._details: dict[tuple[Any, Any], dict[str, Any]] = {}
        self._calls: list[_Call] = []
        self._latest: dict[tuple[str, Any], _Call] = {}
        """The latest call under an id, under an index, and under both."""
        self._legacy: _Call | None = None
        self._message: dict[str, Any] | None = None
        self._finishes: list[Any] = []
        self._lists: dict[str, list[Any]] = {}

    def add(self, chunk: dict[str, Any]) -> list[Delta]:
        """Takes one chunk; gives what it added."""
        self.chunks += 1
        for key in ("id", "model", "created", "system_fingerprint", "prompt_token_ids", "usage", "object"):
            if chunk.get(key) is not None:
                self._head[key] = chunk[key]
        groq = chunk.get("x_groq")
        if isinstance(groq, dict) and isinstance(groq.get("usage"), dict):
            self._head.setdefault("usage", groq["usage"])
        choices = chunk.get("choices")
        if choices is None and str(chunk.get("type", "")).startswith(_FOREIGN):
            self._note("foreign_dialect", f"the stream speaks another API: its events are of the type {chunk['type']!r}"[:200])
        listed = [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
        return [delta for choice in listed if choice.get("index", 0) in (0, None) for delta in self._choice(choice)]

    def _choice(self, choice: dict[str, Any]) -> Iterator[Delta]:
        if choice.get("finish_reason") is not None:
            self._finishes.append(choice["finish_reason"])
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
            self._lists.setdefault("logprobs", []).extend(logprobs["content"])
        if isinstance(choice.get("token_ids"), list):
            self._lists.setdefault("token_ids", []).extend(choice["token_ids"])
        delta = choice.get("delta")
        if isinstance(delta, dict):
            yield from self._delta(delta)
        elif isinstance(choice.get("message"), dict):
            self._message = choice["message"]
        elif isinstance(choice.get("text"), str):
            self._note("foreign_dialect", "the stream is a text completion, not a chat completion; use /v1/chat/completions")

    def _delta(self, delta: dict[str, Any]) -> Iterator[Delta]:
        shown: str | None = None
        for name in ("content", "reasoning", "reasoning_content", "refusal"):
            value = delta.get(name)
            if isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
                kind: DeltaKind = "content" if name == "content" else "refusal" if name == "refusal" else "reasoning"
                if value and not (kind == "reasoning" and value == shown):
                    yield Delta(kind=kind, text=value)
                shown = value if kind == "reasoning" else shown
            elif isinstance(value, list) and name == "content":
                self._parts.extend(value)
            elif isinstance(value, (dict, list)):
                self._texts.setdefault(name, []).append(_text_of(value))
        self._add_details(delta.get("reasoning_details"))
        entries = delta.get("tool_calls")
        for entry in [entries] if isinstance(entries, dict) else entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                yield from self._call(entry)
        if isinstance(delta.get("function_call"), dict):
            yield from self._legacy_call(delta["function_call"])

    def _add_details(self, details: Any) -> None:
        """OpenRouter's `reasoning_details`: pieces of one entry share its index and type."""
        for position, item in enumerate(details if isinstance(details, list) else ()):
            if not isinstance(item, dict):
                continue
            key = (item.get("index", position), item.get("type"))
            known = self._details.setdefault(key, {})
            for name, value in item.items():
                joins = name in ("text", "summary", "data") and isinstance(value, str) and isinstance(known.get(name), str)
                known[name] = known[name] + value if joins else known.get(name) if value is None else value

    def _legacy_call(self, entry: dict[str, Any]) -> Iterator[Delta]:
        if self._legacy is None:
            self._legacy = _Call()
        yield from self._extend(self._legacy, {"function": entry}, 0)

    def _call(self, entry: dict[str, Any]) -> Iterator[Delta]:
        call = self._find(entry)
        if call is None:
            call = _Call(index=entry.get("index"), id=entry.get("id"), position=len(self._calls))
            self._calls.append(call)
            self._remember(call)
        elif not call.id and entry.get("id"):
            call.id = entry["id"]
            self._remember(call)
        yield from self._extend(call, entry, call.position)

    def _remember(self, call: _Call) -> None:
        for kind, key in (("id", call.id), ("index", call.index), ("both", (call.id, call.index))):
            self._latest[kind, _hashable(key)] = call

    def _find(self, entry: dict[str, Any]) -> _Call | None:
        """The call an entry continues; None where it begins one."""
        given, index = entry.get("id"), entry.get("index")
        if index is None:
            self._note("index_missing", "calls come without an index; they are told apart by id, then by order")
        if given and (known := self._under(given, index)):
            if _name(entry) and index is not None and known.index not in (None, index) and known.balance.whole:
                return None
            self._note("identity_repeated", "the id is sent again with every piece of a call")
            return known
        if index is None:
            same = self._calls[-1] if self._calls else None
            return None if given and same is not None and same.id else self._continued(same, entry)
        same = self._latest.get(("index", _hashable(index)))
        continued = self._continued(same, entry)
        if same is not None and continued is None:
            self._note("index_collision", f"several calls come under the index {index!r}")
        return continued

    def _under(self, given: Any, index: Any) -> _Call | None:
        """The latest call with this id: under this index, or else under any."""
        return self._latest.get(("both", _hashable((given, index)))) or self._latest.get(("id", _hashable(given)))

    def _continued(self, call: _Call | None, entry: dict[str, Any]) -> _Call | None:
        """The call itself where the entry goes on with it, None where the entry begins another one under the same index."""
        if call is None:
            return None
        given = entry.get("id")
        name = _name(entry)
        if given and call.id and given != call.id:
            if (name and (call.balance.whole or name != call.name or not call.pieces)) and not (name == call.name and not call.pieces):
                return None
            if not name and call.balance.whole:
                return None
            self._note("id_changed", "the id of a call changes from piece to piece; the first one is kept")
            return call
        begins = bool(name) and bool(call.name) and (call.balance.whole or name != call.name)
        return None if begins else call

    def _extend(self, call: _Call, entry: dict[str, Any], position: int) -> Iterator[Delta]:
        holder = next((entry[k] for k in ("function", "custom") if isinstance(entry.get(k), dict)), entry)
        if entry.get("type") == "custom" or isinstance(entry.get("custom"), dict):
            call.kind = "custom"
        if entry.get("extra_content") is not None:
            call.extra = entry["extra_content"]
        name = _name(entry)
        if name and not call.name:
            call.name = name
            yield Delta(kind="name", text=name, position=position)
        elif name and call.pieces:
            self._note("identity_repeated", "the name is sent again with every piece of a call")
        given = next((holder[k] for k in ("arguments", "parameters", "input") if holder.get(k) is not None), None)
        if isinstance(given, str):
            call.pieces.append(given)
            call.balance.feed(given)
            if given:
                yield Delta(kind="arguments", text=given, position=position)
        elif given is not None:
            call.whole = given
            call.balance.started = True
            yield Delta(kind="arguments", text=json.dumps(given, ensure_ascii=False, default=str), position=position)

    def _note(self, code: str, message: str) -> None:
        if code not in self.problems:
            self.problems[code] = problem(code, message)

    @property
    def finish_reason(self) -> Any:
        """The server's word; where it says several, the one that tells most."""
        for wanted in ("length", "content_filter", "tool_calls"):
            if wanted in self._finishes:
                return wanted
        return next((finish for finish in self._finishes if finish != ""), self._finishes[0] if self._finishes else None)

    def body(self) -> dict[str, Any]:
        """The answer as one body."""
        message = dict(self._message or {})
        message.setdefault("role", "assistant")
        for name, pieces in self._texts.items():
            message[name] = "".join(pieces) or None
        if self._parts:
            text = [{"type": "text", "text": message["content"]}] if isinstance(message.get("content"), str) else []
            message["content"] = _merged_parts([*text, *self._parts])
        message.setdefault("content", None)
        if self._details:
            message["reasoning_details"] = list(self._details.values())
        if self._calls:
            message["tool_calls"] = [call.wire() for call in self._ordered()]
        if self._legacy is not None:
            message["function_call"] = self._legacy.wire()["function"]
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        if "logprobs" in self._lists:
            choice["logprobs"] = {"content": self._lists["logprobs"]}
        if "token_ids" in self._lists:
            choice["token_ids"] = self._lists["token_ids"]
        return {**self._head, "object": "chat.completion", "choices": [choice]}

    def _ordered(self) -> list[_Call]:
        """By index where every call has one of its own, else in the order they came."""
        indices = [call.index for call in self._calls]
        if all(type(i) is int for i in indices) and len(set(indices)) == len(indices):
            return sorted(self._calls, key=lambda call: call.index)
        return self._calls


def _hashable(key: Any) -> Any:
    """The key as a dictionary takes it, whatever a server sends as an id or an index."""
    return key if isinstance(key, (str, int)) else repr(key)


def _name(entry: dict[str, Any]) -> str:
    holder = next((entry[k] for k in ("function", "custom") if isinstance(entry.get(k), dict)), entry)
    name = holder.get("name")
    return name if isinstance(name, str) else ""


def _text_of(value: Any) -> str:
    if isinstance(value, list):
        return "".join(_text_of(item) for item in value)
    if isinstance(value, dict):
        return _text_of(next((value[k] for k in ("text", "thinking", "content", "summary") if k in value), ""))
    return value if isinstance(value, str) else ""


def _merged_parts(parts: list[Any]) -> list[Any]:
    """Content parts of one kind that follow each other, joined as the block answer has them."""
    merged: list[Any] = []
    for part in parts:
        joined = _joined(merged[-1], part) if merged else None
        if joined is None:
            merged.append(part)
        else:
            merged[-1] = joined
    return merged


def _joined(last: Any, part: Any) -> dict[str, Any] | None:
    """Two parts of one kind as one; None where they are not."""
    if not isinstance(last, dict) or not isinstance(part, dict) or last.get("type") != part.get("type"):
        return None
    for key in ("text", "thinking"):
        a, b = last.get(key), part.get(key)
        if isinstance(a, str) and isinstance(b, str):
            return {**last, key: a + b}
        if isinstance(a, list) and isinstance(b, list):
            return {**last, key: _merged_parts([*a, *b])}
    return None
