"""The events of a streamed Messages answer, put together to the body they amount to."""

from __future__ import annotations

from typing import Any

from agentkit.dialects.delta import Delta, TextPiece
from agentkit.dialects.messages.blocks.growing_block import STARTED_BY, GrowingBlock
from agentkit.dialects.messages.blocks.known_blocks import LENGTH
from agentkit.types.problem import Problem, problem

_DERIVED = frozenset(
    {"text", "input_json", "thinking", "signature", "citation", "compaction", "ping"}
)
"""Events that say nothing new: what keeps the connection open, and what the SDK's own helper
(`client.messages.stream`) puts between the server's events.
"""
_MOST_KINDS = 20
"""Kinds of events that are not known are reported up to this many."""


def is_event(data: dict[str, Any]) -> bool:
    """Tell whether an event's data is of a Messages stream."""
    kind = data.get("type")
    return isinstance(kind, str) and kind.startswith(("message_", "content_block_"))


class MessagesEvents:
    """One answer in the making."""

    def __init__(self) -> None:
        self.problems: dict[str, Problem] = {}
        self.ended = False
        self._head: dict[str, Any] = {}
        self._begun = False
        self._blocks: list[GrowingBlock] = []
        self._open: dict[int, GrowingBlock] = {}
        """The last block of each index."""
        self._last = -1
        """The highest index so far."""
        self._calls = 0
        self._whole: list[tuple[str, Any, Any]] = []
        """What an event said of the answer as a whole: where, a value, and the block meant."""

    def add(self, event: dict[str, Any], kind: str = "") -> list[Delta]:
        """Take the data of an event; return what it added to the answer."""
        name = event.get("type") or kind
        match name:
            case "message_start":
                self._begin(event)
            case "content_block_start":
                return self._start(event)
            case "content_block_delta":
                return self._delta(event)
            case "content_block_stop":
                self._stop(event)
            case "message_delta":
                self._change(event)
            case "message_stop":
                self.ended = True
                self._whole.append(("message_stop", event.get("message"), None))
            case "error":
                self._failed(event)
            case _ if str(name) not in _DERIVED:
                self._unknown("an event", name)
        return []

    def piece_of(self, event: dict[str, Any]) -> TextPiece | None:
        """Tell which text an event that was taken added to; None where it did more than that."""
        delta, index = event.get("delta"), event.get("index")
        block = self._open.get(index) if type(index) is int else None
        if event.get("type") != "content_block_delta" or not isinstance(delta, dict):
            return None
        return block.piece_of(delta) if block is not None and not block.stopped else None

    def _begin(self, event: dict[str, Any]) -> None:
        message = event.get("message")
        if self._begun:
            self._differs("message_start", "the stream starts a message twice", event)
        elif isinstance(message, dict):
            self._head = {**message, **{k: v for k, v in self._head.items() if v is not None}}
        self._begun = True

    def _change(self, event: dict[str, Any]) -> None:
        """Take what `message_delta` says of the answer: what it leaves out, or has as null, stays
        as it was; counts are cumulative.
        """
        delta = event.get("delta") if isinstance(event.get("delta"), dict) else {}
        others = {k: v for k, v in event.items() if k not in ("type", "delta", "usage")}
        for name, value in {**(delta or {}), **others}.items():
            was = self._head.get(name)
            if name == "stop_reason" and None not in (was, value) and was != value:
                self._differs("stop_reason", f"`stop_reason` was {was!r}, then {value!r}", event)
            if value is not None or was is None:
                self._head[name] = value
        usage, was = event.get("usage"), self._head.get("usage")
        if isinstance(usage, dict):
            known = was if isinstance(was, dict) else {}
            new = {k: v for k, v in usage.items() if v is not None or k not in known}
            self._head["usage"] = {**known, **new}

    def _start(self, event: dict[str, Any]) -> list[Delta]:
        given = event.get("content_block")
        index = self._index(event, self._last + 1)
        if index in self._open:
            message = f"two blocks start at the index {index}"
            self._note("index_collision", problem("index_collision", message, before=event))
            block = self._add(index, given, self._last + 1)
        else:
            block = self._add(index, given, index)
        return block.begun()

    def _add(self, index: int, given: Any, place: int) -> GrowingBlock:
        """Begin a block; its place is its index, or behind all others where that is taken."""
        begun = given if isinstance(given, dict) else {}
        position = self._calls
        self._calls += begun.get("type") == "tool_use"
        block = GrowingBlock(begun, place, position)
        self._blocks.append(block)
        self._open[index] = block
        self._last = max(self._last, place, index)
        return block

    def _delta(self, event: dict[str, Any]) -> list[Delta]:
        delta = event.get("delta")
        index = self._index(event, self._last)
        block = self._open.get(index)
        if not isinstance(delta, dict):
            return []
        kind = delta.get("type")
        kind = kind if isinstance(kind, str) else next((k for k in STARTED_BY if k in delta), None)
        started = STARTED_BY.get(str(kind).removesuffix("_delta"))
        if started is None:
            self._unknown("a delta", kind)
            return []
        deltas: list[Delta] = []
        if block is None:
            text = f"deltas came for the block {index}, which no event started"
            self._differs("start", text, event)
            block = self._add(max(index, 0), {"type": started}, max(index, 0))
            deltas = block.begun()
        elif block.stopped:
            self._differs("stop", f"deltas came for the block {index} after its end", event)
        return [*deltas, *block.add(delta, str(kind).removesuffix("_delta"))]

    def _stop(self, event: dict[str, Any]) -> None:
        index = self._index(event, self._last)
        block = self._open.get(index)
        if block is None:
            self._differs("stop", f"the block {index} ends, which no event started", event)
            return
        block.stopped = True
        self._whole.append(("content_block_stop", event.get("content_block"), block))

    def _index(self, event: dict[str, Any], instead: int) -> int:
        """Read the index of an event; where it has none, the block it is most likely meant for."""
        index = event.get("index")
        if type(index) is int and index >= 0:
            return index
        message = "an event of the stream does not say which block it belongs to"
        self._note("index_missing", problem("index_missing", message, before=event))
        return max(instead, 0)

    def _failed(self, event: dict[str, Any]) -> None:
        error = event.get("error")
        words = error.get("message") if isinstance(error, dict) else error
        message = f"the server sent an error in the middle of the stream: {words}"[:300]
        self._note("error", problem("stream_error_event", message, before=event))

    def _unknown(self, what: str, kind: Any) -> None:
        text = f"{what} of type {str(kind)[:100]!r} is not known; it is kept in the raw stream"
        if sum(p.code == "item_unknown" for p in self.problems.values()) < _MOST_KINDS:
            self._note(f"{what} {str(kind)[:100]}", problem("item_unknown", text))

    def _differs(self, what: str, text: str, before: Any = None) -> None:
        self._note(f"differs {what}", problem("stream_final_differs", text[:300], before=before))

    def _note(self, key: str, found: Problem) -> None:
        self.problems.setdefault(key, found)

    def body(self) -> dict[str, Any]:
        """Return the body that the events so far amount to."""
        reason = self._head.get("stop_reason")
        cut = reason is None or reason in LENGTH
        blocks = sorted(self._blocks, key=lambda block: block.place)
        content = [
            block.value(cut=cut and (not block.stopped or block is blocks[-1])) for block in blocks
        ]
        for block in blocks:
            for what, text in block.differences.items():
                self._differs(what, text)
        begun = self._head.get("content")
        if not blocks and isinstance(begun, list):
            content = begun
        body = {**self._head, "content": content}
        self._compare(body, {"content": begun} if begun and blocks else {})
        return body

    def _compare(self, body: dict[str, Any], begun: dict[str, Any]) -> None:
        """Compare what the events came to with what some of them say of the whole."""
        for what, whole, block in [("message_start", begun, None), *self._whole]:
            if not isinstance(whole, dict):
                continue
            mine = body if block is None else block.value()
            for name in ("content", "stop_reason", "stop_sequence") if block is None else mine:
                if name in whole and name in mine and not _same(mine[name], whole[name], name):
                    text = f"{name!r} in `{what}` is not what the events before it came to"
                    self._differs(f"{what} {name}", text, whole[name])


def _same(mine: Any, theirs: Any, name: str = "") -> bool:
    """Compare two values, but for what an SDK does to its own objects: fields that are null are
    added, an input that is cut is completed, and one of a tool that it does not know stays `{}`.
    """
    if name == "input" and isinstance(theirs, dict) and (isinstance(mine, str) or not theirs):
        return True
    if isinstance(mine, dict) and isinstance(theirs, dict):
        names = mine.keys() | theirs.keys()
        return all(_same(mine.get(name), theirs.get(name), name) for name in names)
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(_same, mine, theirs))
    return bool(mine == theirs)
