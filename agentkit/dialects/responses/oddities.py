"""What OpenAI's Responses never does: streams that do not say what they belong to, or say something
else than the answer at their end, and cuts that look whole. It is found for comparing servers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentkit.dialects.parts import Named, Oddity, Places

PLACES = Places(
    items="/output",
    arguments="arguments",
    id="call_id",
    input_tokens="/usage/input_tokens",
    output_tokens="/usage/output_tokens",
)
_ENDS = ("response.completed", "response.incomplete", "response.failed")
_ADDED, _DONE = "response.output_item.added", "response.output_item.done"
_PIECES = {
    "function_call": "response.function_call_arguments.delta",
    "custom_tool_call": "response.custom_tool_call_input.delta",
    "message": "response.output_text.delta",
}
"""By the type of an item: the event in which its arguments or its text grow."""


def is_error(body: Any) -> bool:
    """Tell whether a body is an error in OpenAI's form."""
    error = body.get("error") if isinstance(body, dict) else None
    return isinstance(error, dict) and isinstance(error.get("message"), str)


def oddities(body: dict[str, Any], events: Sequence[Named]) -> Iterator[Oddity]:
    """Find what OpenAI does not do, in a body and in the events of its stream.

    Args:
        body: the answer, or what its events amount to.
        events: the events; none for a block.
    """
    output = body.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    if body.get("status") == "incomplete":
        yield from _cut(items, events)
    if not any("response" in data or "output_index" in data for _, data in events):
        return
    yield from _unnamed(events)
    yield from _order(items, events)
    yield from _final(items, events)


def _cut(items: list[dict[str, Any]], events: Sequence[Named]) -> Iterator[Oddity]:
    """Find a cut answer that is told as a whole one."""
    last = len(items) - 1
    if items and items[last].get("status") == "completed":
        text = "the answer is incomplete, and its last item says that it is completed"
        yield Oddity("item_complete", "cut", text, f"/output/{last}/status")
    if events and _kind(*events[-1]) == "response.completed":
        text = "the answer is incomplete, and its stream ends with response.completed"
        yield Oddity("cut_completed", "cut", text, "/status")


def _kind(line: str, data: dict[str, Any]) -> str:
    kind = data.get("type")
    return kind if isinstance(kind, str) else line


def _unnamed(events: Sequence[Named]) -> Iterator[Oddity]:
    """Find events without their type or number."""
    if any(not isinstance(data.get("type"), str) for _, data in events):
        yield Oddity("type_missing", "identity", "events have no type in their data")
    if not any("sequence_number" in data for _, data in events):
        yield Oddity("number_missing", "identity", "events carry no sequence_number", small=True)
    if not any(_kind(line, data) == "response.created" for line, data in events):
        text = "events are missing: no response.created"
        yield Oddity("no created", "identity", text, small=True)


def _order(items: list[dict[str, Any]], events: Sequence[Named]) -> Iterator[Oddity]:
    """Find items that no event begins or ends, and events that come before their item."""
    begun: set[Any] = set()
    ended: set[Any] = set()
    early: set[Any] = set()
    number = -1
    for line, data in events:
        kind, index = _kind(line, data), data.get("output_index")
        index = index if type(index) is int else None
        if kind == _ADDED:
            begun.add(index)
        elif kind == _DONE:
            ended.add(index)
        elif index is not None and index not in begun:
            early.add(index)
        now = data.get("sequence_number")
        if type(now) is int:
            if now <= number:
                early.add(index)
            number = now
    late = early & begun
    if late:
        text = "events come in another order than OpenAI's: the one that begins an item is late"
        yield Oddity("order", "identity", text, _at(late))
    for name, seen, does in (("added", begun, "begins"), ("done", ended, "ends")):
        missing = set(range(len(items))) - seen
        if missing:
            text = f"events are missing: none {does} an output item"
            yield Oddity(f"no {name}", "identity", text, _at(missing))


def _at(indexes: set[Any]) -> str:
    known = sorted(index for index in indexes if index is not None)
    return f"/output/{known[0]}" if known else "/output"


def _final(items: list[dict[str, Any]], events: Sequence[Named]) -> Iterator[Oddity]:
    """Find what the events and the final answer say differently, and what only their ends say."""
    told: dict[int, dict[str, Any]] = {}
    grown: set[Any] = set()
    whole: list[Any] = []
    for line, data in events:
        kind, index, item = _kind(line, data), data.get("output_index"), data.get("item")
        if kind in (_ADDED, _DONE) and isinstance(item, dict) and type(index) is int:
            told[index] = item
        elif kind in _PIECES.values() and data.get("delta"):
            grown.add(index)
        elif kind in _ENDS and isinstance(data.get("response"), dict):
            output = data["response"].get("output")
            whole = output if isinstance(output, list) else []
    for index, item in enumerate(item for item in whole if isinstance(item, dict)):
        if index in told:
            yield from _differences(told[index], item, f"/output/{index}")
    for index, item in enumerate(items):
        kind = str(item.get("type"))
        streamed = told.get(index, {}).get("type", kind) == kind
        if kind in _PIECES and streamed and index not in grown and _written(item, kind):
            what = "text of a message comes" if kind == "message" else "arguments of a call come"
            text = f"the {what} whole at its end, with no pieces before"
            name = "text_only_done" if kind == "message" else "arguments_only_done"
            yield Oddity(name, "stream", text, f"/output/{index}")


def _written(item: dict[str, Any], kind: str) -> bool:
    """Tell whether an item holds what comes in pieces; `{}` may be one piece, or none."""
    if kind == "message":
        content = item.get("content")
        parts = (
            [part for part in content if isinstance(part, dict)]
            if isinstance(content, list)
            else []
        )
        return any(part.get("type") == "output_text" and part.get("text") for part in parts)
    sent = item.get("input" if kind == "custom_tool_call" else "arguments")
    return isinstance(sent, str) and len(sent) > 2


def _differences(told: dict[str, Any], item: dict[str, Any], at: str) -> Iterator[Oddity]:
    """Compare what an item was in its events and what it is in the final answer."""
    before, now = told.get("type"), item.get("type")
    if before != now:
        text = f"an item is streamed as {before!r} and is {now!r} in the final answer"
        yield Oddity("call_in_deltas", "stream", text, f"{at}/type")
        return
    for name in ("id", "call_id"):
        if told.get(name) != item.get(name):
            text = f"the {name} of an item is another in its events than in the final answer"
            yield Oddity("ids_differ", "identity", text, f"{at}/{name}")
