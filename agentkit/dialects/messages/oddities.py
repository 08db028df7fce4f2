"""What Anthropic's Messages never does: streams whose events are missing, unnamed or in another
order, and calls whose input never comes. It is found for comparing servers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentkit.dialects.messages.blocks.known_blocks import LENGTH
from agentkit.dialects.parts import Named, Oddity, Places

PLACES = Places(
    items="/content",
    arguments="input",
    id="id",
    input_tokens="/usage/input_tokens",
    output_tokens="/usage/output_tokens",
)


def is_error(body: Any) -> bool:
    """Tell whether a body is an error in Anthropic's form, with a type as Anthropic's are."""
    error = body.get("error") if isinstance(body, dict) and body.get("type") == "error" else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return False
    return str(error.get("type")).endswith("_error")


def oddities(body: dict[str, Any], events: Sequence[Named]) -> Iterator[Oddity]:
    """Find what Anthropic does not do, in the events of a stream; a block has nothing of it.

    Args:
        body: what the events amount to.
        events: the events; none for a block.
    """
    if not events:
        return
    if any(not isinstance(data.get("type"), str) for _, data in events):
        yield Oddity("type_missing", "identity", "events have no type in their data")
    kinds = [data["type"] if isinstance(data.get("type"), str) else line for line, data in events]
    if "message_start" not in kinds:
        yield Oddity("no message_start", "identity", "events are missing: no message_start")
    yield from _order(kinds, events)
    cut = body.get("stop_reason") in (*LENGTH, None)
    yield from _inputs(kinds, events, last=len(body.get("content") or ()) - 1 if cut else None)


def _order(kinds: list[str], events: Sequence[Named]) -> Iterator[Oddity]:
    """Find blocks that no event begins or ends, and events that come before their block."""
    begun: set[Any] = set()
    ended: set[Any] = set()
    early: set[Any] = set()
    for kind, (_, data) in zip(kinds, events, strict=True):
        index = data.get("index") if type(data.get("index")) is int else None
        if kind == "content_block_start":
            begun.add(index)
        elif kind.startswith("content_block_") and index is not None:
            if index not in begun:
                early.add(index)
            if kind == "content_block_stop":
                ended.add(index)
    late = early & begun
    if late:
        text = "events come in another order than Anthropic's: the one that begins a block is late"
        yield Oddity("order", "identity", text, f"/content/{min(late)}")
    if early - begun:
        text = "events are missing: none begins a content block"
        yield Oddity("no start", "identity", text, f"/content/{min(early - begun)}")
    open_ = {index for index in begun | early if index is not None} - ended
    if open_ and "message_stop" in kinds:
        text = "events are missing: none ends a content block"
        yield Oddity("no stop", "identity", text, f"/content/{min(open_)}")


def _inputs(kinds: list[str], events: Sequence[Named], last: int | None) -> Iterator[Oddity]:
    """Find a call that keeps the empty input with which its block begins: Anthropic sends at least
    one piece, an empty one for a tool without arguments.

    Args:
        kinds: the names of the events.
        events: the events.
        last: the block in which the answer was cut; None where it was not.
    """
    waiting: set[Any] = set()
    for kind, (_, data) in zip(kinds, events, strict=True):
        block, delta = data.get("content_block"), data.get("delta")
        if kind == "content_block_start" and isinstance(block, dict):
            if block.get("type") == "tool_use" and not block.get("input"):
                waiting.add(data.get("index"))
        elif isinstance(delta, dict) and "partial_json" in delta:
            waiting.discard(data.get("index"))
    known = sorted(index for index in waiting if type(index) is int and index != last)
    if known:
        text = "the input of a streamed call stays {}: no piece of it comes"
        yield Oddity("input_missing", "stream", text, f"/content/{known[0]}/input")
