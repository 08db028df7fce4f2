"""The calls of a streamed answer, put together from their pieces.

A call is known by its id, then by its index, then it is the latest one; the first name wins;
arguments are parsed when the stream has ended, not before. What servers do to these rules (no
index, always index 0, an id in every chunk, another id in every chunk) is read and reported.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agentkit.dialects.delta import Delta, TextPiece


class _Balance:
    """Whether a JSON text is whole, found out piece by piece, and only where it is asked."""

    __slots__ = ("_fed", "depth", "escaped", "in_string", "started")

    def __init__(self) -> None:
        self.depth = 0
        self.in_string = self.escaped = self.started = False
        self._fed: list[str] = []

    def feed(self, text: str) -> None:
        self._fed.append(text)

    def _look(self) -> None:
        fed, self._fed = "".join(self._fed), []
        for char in fed:
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
        self._look()
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

    @property
    def begun(self) -> bool:
        """Whether a part of its arguments has come."""
        return self.whole is not None or any(self.pieces)

    def add(self, text: str) -> None:
        """Add to its arguments."""
        self.pieces.append(text)
        self.balance.feed(text)

    def wire(self) -> dict[str, Any]:
        text = "".join(self.pieces)
        given: Any = text if self.pieces else self.whole
        extra = {} if self.extra is None else {"extra_content": self.extra}
        if self.kind == "custom":
            return {
                "id": self.id,
                "type": "custom",
                "custom": {"name": self.name, "input": given or ""},
                **extra,
            }
        return {
            "id": self.id,
            "type": "function",
            "function": {"name": self.name, "arguments": given},
            **extra,
        }


_PIECE = frozenset({"index", "id", "type", "function"})
_NAMED = frozenset({"name", "arguments"})
"""Fields of an entry, and of its function, that goes on with a call."""


class CallPieces:
    """The calls of one answer in the making.

    Args:
        note: called with each oddity, as a code and a sentence.
    """

    def __init__(self, note: Callable[[str, str], None]) -> None:
        self._note = note
        self._calls: list[_Call] = []
        self._latest: dict[tuple[str, Any], _Call] = {}
        """The latest call under an id, under an index, and under both."""
        self._legacy: _Call | None = None

    def add(self, entry: dict[str, Any]) -> Iterator[Delta]:
        """Take one entry of `tool_calls`, and return what it added."""
        call = self._find(entry)
        if call is None:
            call = _Call(index=entry.get("index"), id=entry.get("id"), position=len(self._calls))
            self._calls.append(call)
            self._remember(call)
        elif not call.id and entry.get("id"):
            call.id = entry["id"]
            self._remember(call)
        yield from self._extend(call, entry, call.position)

    def piece_of(self, entry: Any) -> TextPiece | None:
        """Tell to which call's arguments an entry that was taken added; None where it did more."""
        function = entry.get("function") if isinstance(entry, dict) else None
        if not isinstance(function, dict) or entry.keys() - _PIECE or function.keys() - _NAMED:
            return None
        text, index, kind = function.get("arguments"), entry.get("index"), entry.get("type")
        if entry.get("id") or function.get("name") or kind not in (None, "", "function"):
            return None
        call = self._latest.get(("index", index)) if type(index) is int else None
        if call is None or not isinstance(text, str):
            return None
        return TextPiece("arguments", text, call.add)

    def add_legacy(self, entry: dict[str, Any]) -> Iterator[Delta]:
        """Take a piece of `function_call`, as it was called before there were tools."""
        if self._legacy is None:
            self._legacy = _Call()
        yield from self._extend(self._legacy, {"function": entry}, 0)

    def wire(self) -> dict[str, Any]:
        """Return the fields of the message that hold them."""
        calls = {"tool_calls": [call.wire() for call in self._ordered()]} if self._calls else {}
        return (
            calls
            if self._legacy is None
            else {**calls, "function_call": self._legacy.wire()["function"]}
        )

    def _remember(self, call: _Call) -> None:
        for kind, key in (("id", call.id), ("index", call.index), ("both", (call.id, call.index))):
            self._latest[kind, _hashable(key)] = call

    def _find(self, entry: dict[str, Any]) -> _Call | None:
        """Find the call an entry continues; None where it begins one."""
        given, index = entry.get("id"), entry.get("index")
        if index is None:
            self._note(
                "index_missing",
                "calls come without an index; they are told apart by id, then by order",
            )
        if given and (known := self._under(given, index)):
            if (
                _name(entry)
                and index is not None
                and known.index not in (None, index)
                and known.balance.whole
            ):
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
        """Find the latest call with this id: under this index, or else under any."""
        return self._latest.get(("both", _hashable((given, index)))) or self._latest.get(
            ("id", _hashable(given))
        )

    def _continued(self, call: _Call | None, entry: dict[str, Any]) -> _Call | None:
        """Return the call itself where the entry goes on with it, None where the entry begins
        another one under the same index.
        """
        if call is None:
            return None
        given = entry.get("id")
        name = _name(entry)
        if given and call.id and given != call.id:
            if (name and (call.balance.whole or name != call.name or not call.pieces)) and not (
                name == call.name and not call.pieces
            ):
                return None
            if not name and call.balance.whole:
                return None
            self._note(
                "id_changed", "the id of a call changes from piece to piece; the first one is kept"
            )
            return call
        begins = bool(name) and bool(call.name) and (call.balance.whole or name != call.name)
        piece = not given and bool(call.id) and not call.begun
        return None if begins and not piece else call

    def _extend(self, call: _Call, entry: dict[str, Any], position: int) -> Iterator[Delta]:
        holder = _holder(entry)
        if entry.get("type") == "custom" or isinstance(entry.get("custom"), dict):
            call.kind = "custom"
        if entry.get("extra_content") is not None:
            call.extra = entry["extra_content"]
        name = holder.get("name")
        name = name if isinstance(name, str) else ""
        if name and not call.name:
            call.name = name
            yield Delta(kind="name", text=name, position=position)
        elif name and name != call.name and not call.begun:
            self._note("identity_repeated", "the name comes in pieces; they are put together")
            more = name.removeprefix(call.name)
            call.name += more
            yield Delta(kind="name", text=more, position=position)
        elif name and call.pieces:
            self._note("identity_repeated", "the name is sent again with every piece of a call")
        given = holder.get("arguments")
        if given is None:
            named = map(holder.get, ("parameters", "input"))
            given = next((value for value in named if value is not None), None)
        if isinstance(given, str):
            call.add(given)
            if given:
                yield Delta(kind="arguments", text=given, position=position)
        elif given is not None:
            call.whole = given
            call.balance.started = True
            yield Delta(
                kind="arguments",
                text=json.dumps(given, ensure_ascii=False, default=str),
                position=position,
            )

    def _ordered(self) -> list[_Call]:
        """Order by index where every call has one of its own, else as they came."""
        indices = [call.index for call in self._calls]
        if all(type(i) is int for i in indices) and len(set(indices)) == len(indices):
            return sorted(self._calls, key=lambda call: call.index)
        return self._calls


def _hashable(key: Any) -> Any:
    """Turn the key into one a dictionary takes, whatever a server sends as an id or an index."""
    return key if isinstance(key, (str, int)) else repr(key)


def _holder(entry: dict[str, Any]) -> dict[str, Any]:
    """Find what holds the name and the arguments of an entry."""
    for kind in ("function", "custom"):
        if isinstance(held := entry.get(kind), dict):
            return held
    return entry


def _name(entry: dict[str, Any]) -> str:
    name = _holder(entry).get("name")
    return name if isinstance(name, str) else ""
