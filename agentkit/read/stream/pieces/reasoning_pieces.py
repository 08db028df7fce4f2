"""The reasoning of a streamed answer, put together from its pieces: texts, lists of entries and
signatures, each under the name it came in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentkit.read.body.reasoning import FIELDS, LISTS, SIGNATURES

_JOINED = ("text", "thinking", "summary", "data", "content", "signature")
"""What comes in pieces in an entry of a list, or in a field that is an object."""


class ReasoningPieces:
    """The reasoning of one answer in the making."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        """The pieces of the fields that came as text."""
        self._values: dict[str, _Growth] = {}
        """Fields that came as objects or lists, and signatures."""
        self._lists: dict[str, dict[tuple[str, str], _Growth]] = {}

    def add(self, delta: dict[str, Any]) -> Iterator[str]:
        """Take what a delta holds of it, and return the texts that it added: the same piece under
        two names once.
        """
        shown: str | None = None
        for name in delta.keys() & _NAMES:
            value = delta[name]
            if name in LISTS:
                self._add_entries(name, value)
            elif name in SIGNATURES:
                self._values.setdefault(name, _Growth(signature=True)).add(value)
        for name in FIELDS:
            if name not in delta:
                continue
            text = self._add_field(name, delta[name])
            if text and text != shown:
                yield text
            shown = text or shown

    def wire(self) -> dict[str, Any]:
        """Return the fields of the message that hold it."""
        found: dict[str, Any] = {name: "".join(texts) or None for name, texts in self.texts.items()}
        found.update({name: value.wire() for name, value in self._values.items()})
        for name, entries in self._lists.items():
            found[name] = [entry.wire() for entry in entries.values()]
        return found

    def _add_field(self, name: str, value: Any) -> str:
        if isinstance(value, str):
            self.texts.setdefault(name, []).append(value)
            return value
        if isinstance(value, (dict, list)) and value:
            self._values.setdefault(name, _Growth()).add(value)
            return _text_of(value)
        return ""

    def _add_entries(self, name: str, value: Any) -> None:
        """Add entries of a list: pieces of one entry share its index and type."""
        known = self._lists.setdefault(name, {}) if value else {}
        for position, item in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(item, dict):
                continue
            key = (str(item.get("index", position)), str(item.get("type")))
            known.setdefault(key, _Growth()).add(item)


_NAMES = frozenset((*LISTS, *SIGNATURES))
REASONING_NAMES = _NAMES.union(FIELDS)
"""The fields of a delta that hold reasoning."""


class _Growth:
    """A value that comes in pieces: a text, an object whose texts are joined under their name, a
    list; the latest of anything else.

    Args:
        signature: a text may come whole with every chunk, and then counts once.
    """

    __slots__ = ("_fields", "_items", "_pieces", "_signature", "_value")

    def __init__(self, *, signature: bool = False) -> None:
        self._signature = signature
        self._pieces: list[str] = []
        self._fields: dict[str, _Growth] = {}
        self._items: list[Any] = []
        self._value: Any = None

    def add(self, value: Any) -> None:
        """Take the next piece."""
        if isinstance(value, str):
            if not (self._signature and self._pieces == [value]):
                self._pieces.append(value)
        elif isinstance(value, dict):
            for name, piece in value.items():
                self._field(name, piece)
        elif isinstance(value, list):
            self._items.extend(value)
        elif value is not None:
            self._value = value

    def _field(self, name: str, piece: Any) -> None:
        if name in _JOINED and isinstance(piece, (str, type(None))):
            self._fields.setdefault(name, _Growth(signature=name == "signature")).add(piece)
        elif piece is not None or name not in self._fields:
            self._fields[name] = latest = _Growth()
            latest._value = piece

    def wire(self) -> Any:
        """Return the value as far as it has come."""
        if self._fields:
            return {name: field.wire() for name, field in self._fields.items()}
        if self._pieces:
            return "".join(self._pieces)
        return self._items or self._value


def _text_of(value: Any) -> str:
    if isinstance(value, list):
        return "".join(_text_of(item) for item in value)
    if isinstance(value, dict):
        return _text_of(next((value[k] for k in _JOINED[:5] if value.get(k)), ""))
    return value if isinstance(value, str) else ""
