"""One content block of a streamed Messages answer, as far as it has come."""

from __future__ import annotations

import json
from typing import Any

from agentkit.dialects.delta import Delta, TextPiece
from agentkit.dialects.messages.blocks.known_blocks import StreamedInput
from agentkit.types.words import with_article

STARTED_BY = {
    "text": "text",
    "thinking": "thinking",
    "signature": "thinking",
    "input_json": "tool_use",
    "partial_json": "tool_use",
    "citations": "text",
    "citation": "text",
    "compaction": "compaction",
}
"""The type of a block whose start never came, by the type of a delta or the field it holds."""
_PIECES = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "input_json_delta": "partial_json",
}
"""Deltas that add to a text, and the field of each that holds what they add."""
USES = ("tool_use", "server_tool_use", "mcp_tool_use")


class GrowingBlock:
    """A block from the event that starts it and its deltas; what it came to is joined when asked.

    Args:
        begun: the block as it was started.
        place: where it is among the blocks.
        position: which call it is, where it is one.
    """

    __slots__ = (
        "_begun",
        "_citations",
        "_fields",
        "_json",
        "_position",
        "_texts",
        "differences",
        "place",
        "stopped",
    )

    def __init__(self, begun: dict[str, Any], place: int, position: int) -> None:
        self.place = place
        self.stopped = False
        self.differences: dict[str, str] = {}
        """What its start and its deltas disagree in."""
        self._begun = begun
        self._position = position
        self._texts: dict[str, list[str]] = {}
        self._json: list[str] = []
        self._citations: list[Any] = []
        self._fields: dict[str, Any] = {}

    def begun(self) -> list[Delta]:
        """Return what the start of the block adds to the answer."""
        kind, begun = self._begun.get("type"), self._begun
        if kind == "tool_use":
            name = begun.get("name")
            name = name if isinstance(name, str) else ""
            return [Delta(kind="name", text=name, position=self._position)]
        if kind == "text" and isinstance(begun.get("text"), str) and begun["text"]:
            return [Delta(kind="content", text=begun["text"])]
        if kind == "thinking" and isinstance(begun.get("thinking"), str) and begun["thinking"]:
            return [Delta(kind="reasoning", text=begun["thinking"])]
        return []

    def add(self, delta: dict[str, Any], kind: str) -> list[Delta]:
        """Take a delta; return what it adds to the answer.

        Args:
            delta: the delta.
            kind: its type without `_delta`, or the field it holds where it has none.
        """
        own = self._begun.get("type")
        family = "tool_use" if own in USES else own
        if family is not None and STARTED_BY[kind] != family:
            self.differences["type"] = (
                f"{with_article(kind)} delta came for a block of type {own!r}"[:200]
            )
        match kind:
            case "text" | "thinking" if isinstance(delta.get(kind), str):
                self._texts.setdefault(kind, []).append(delta[kind])
                return [Delta(kind="content" if kind == "text" else "reasoning", text=delta[kind])]
            case "input_json" | "partial_json" if isinstance(delta.get("partial_json"), str):
                self._json.append(delta["partial_json"])
                if own == "tool_use":
                    text = delta["partial_json"]
                    return [Delta(kind="arguments", text=text, position=self._position)]
            case "signature":
                self._signature(delta.get("signature"))
            case "citations" | "citation" if "citation" in delta:
                self._citations.append(delta["citation"])
            case "compaction":
                given = {k: v for k, v in delta.items() if k != "type"}
                self._fields.update({k: v for k, v in given.items() if v is not None})
        return []

    def piece_of(self, delta: dict[str, Any]) -> TextPiece | None:
        """Tell which of its texts a delta that was taken added to; None where it did more."""
        name = _PIECES.get(str(delta.get("type")))
        text = delta.get(name) if name else None
        if name is None or not isinstance(text, str) or len(delta) != 2:
            return None
        pieces = self._json if name == "partial_json" else self._texts.get(name)
        return None if pieces is None else TextPiece(name, text, pieces.append)

    def _signature(self, signature: Any) -> None:
        """Take a signature, whole in one delta: another one takes its place, as in the SDK."""
        was = self._fields.get("signature") or self._begun.get("signature")
        if was and was != signature:
            self.differences["signature"] = "a thinking block was signed twice, and not the same"
        self._fields["signature"] = signature

    def value(self, *, cut: bool = False) -> dict[str, Any]:
        """Return the block as far as it has come.

        Args:
            cut: whether the answer was cut, and may have been in this block.
        """
        block = {**self._begun, **self._fields}
        for name, pieces in self._texts.items():
            before = block.get(name)
            block[name] = (before if isinstance(before, str) else "") + "".join(pieces)
        if self._citations:
            before = block.get("citations")
            block["citations"] = [*(before if isinstance(before, list) else ()), *self._citations]
        if self._json or block.get("type") in USES:
            block["input"] = self._input(block.get("input"), cut)
        return block

    def _input(self, begun: Any, cut: bool) -> Any:
        """Choose the input: what the deltas came to, or what the start had. `{}` at the start is a
        place kept for what is to come; where nothing came, the call has no arguments, if it is not
        where the answer was cut.
        """
        text = "".join(self._json)
        if not text.strip():
            return begun if begun else "" if cut else {}
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = text
        if begun and begun != value:
            self.differences["input"] = "the input at the start of a call is not what was streamed"
        return StreamedInput(value, text) if isinstance(value, dict) else value
