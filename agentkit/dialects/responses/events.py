"""The events of a streamed Responses answer, put together to the body they amount to."""

from __future__ import annotations

from typing import Any

from agentkit.dialects.delta import Delta, TextPiece
from agentkit.dialects.responses.items.item_kinds import call_arguments, call_name, is_call
from agentkit.dialects.responses.items.streamed_item import (
    TEXTS,
    Key,
    StreamedItem,
    TextEvents,
    words,
)
from agentkit.types.problem import Problem, problem

_TERMINAL = frozenset(
    f"response.{word}" for word in ("completed", "incomplete", "failed", "cancelled")
)
_BEGUN = frozenset({"response.created", "response.in_progress", "response.queued", ""})
_STATUS = {
    f"response.{kind}.{word}"
    for kind, listed in {
        "web_search_call": "in_progress searching completed",
        "file_search_call": "in_progress searching completed",
        "code_interpreter_call": "in_progress interpreting completed",
        "image_generation_call": "in_progress generating completed",
        "mcp_call": "in_progress completed failed",
        "mcp_list_tools": "in_progress completed failed",
    }.items()
    for word in listed.split()
}
"""Events that say how far a step of the server is."""
_QUIET = {
    *(f"response.audio.{word}" for word in ("delta", "done", "transcript.delta")),
    *("response.audio.transcript.done", "response.image_generation_call.partial_image"),
    *("response.compaction.compacting", "response.shell_call_command.added", "keepalive"),
}
"""Events that add nothing to an item: what they carry comes again in the item, or is no part of
it."""
_MOST_UNKNOWN = 20
_ARGUMENTS = (("arguments",), ("input",))


def is_event(data: dict[str, Any]) -> bool:
    """Tell whether an event's data is of a Responses stream, also where it lacks its `type`."""
    kind, response = data.get("type"), data.get("response")
    if isinstance(kind, str):
        return kind.startswith("response.")
    if kind is None and isinstance(response, dict):
        return response.get("object") == "response"
    return kind is None and type(data.get("output_index")) is int


class ResponsesEvents:
    """One answer in the making, linear in its events.

    What the `done` events say is put before the deltas, and the final object before both; where
    they disagree, `stream_final_differs` says in what. The encrypted content of reasoning is not
    compared: OpenAI encrypts it anew for each event, and the last one is kept. Events that are
    missing cost nothing as long as others say the same.
    """

    def __init__(self) -> None:
        self.problems: dict[str, Problem] = {}
        self.ended = False
        self._head: dict[str, Any] = {}
        self._error: Any = None
        self._items: list[StreamedItem] = []
        self._by_index: dict[int, StreamedItem] = {}
        self._by_id: dict[str, StreamedItem] = {}
        self._calls: dict[int, int] = {}
        self._shown: set[tuple[int, Key]] = set()
        self._thought: tuple[int, Key] | None = None
        self._number: int | None = None
        self._next = 0

    def add(self, event: dict[str, Any], kind: str = "") -> list[Delta]:
        """Take the data of an event; return what it added to the answer."""
        named = event.get("type")
        kind = named if isinstance(named, str) else kind
        self._count(event.get("sequence_number"))
        if isinstance(event.get("response"), dict) or kind in _TERMINAL:
            return self._take_head(event.get("response"), kind)
        if kind == "error" or (not kind and "error" in event):
            error = event.get("error")
            fields = {name: event.get(name) for name in ("code", "message", "param")}
            self._error = error if error is not None else fields
            return []
        if kind in ("response.output_item.added", "response.output_item.done"):
            return self._take_item(event, kind.endswith("done"))
        base, _, ending = kind.removeprefix("response.").rpartition(".")
        if base in TEXTS and ending in ("delta", "done"):
            return self._take_text(TEXTS[base], event, ending == "done")
        self._take_rest(event, kind)
        return []

    def piece_of(self, event: dict[str, Any]) -> TextPiece | None:
        """Tell which text an event that was taken added to; None where it did more than that."""
        kind, text = str(event.get("type")), event.get("delta")
        base, _, ending = kind.removeprefix("response.").rpartition(".")
        if base not in TEXTS or ending != "delta" or "response" in event or event.get("logprobs"):
            return None
        pieces = self._slot(event, TEXTS[base].kind).deltas.get(TEXTS[base].key(event))
        if pieces is None or not isinstance(text, str):
            return None
        return TextPiece("delta", text, pieces.append, self._count)

    def _take_rest(self, event: dict[str, Any], kind: str) -> None:
        """Take an event that adds no text: a part, a citation, how far a step is."""
        if kind.startswith("response.content_part."):
            self._slot(event, "message").add_part(
                "content", event.get("content_index"), event.get("part")
            )
        elif kind.startswith("response.reasoning_summary_part."):
            self._slot(event, "reasoning").add_part(
                "summary", event.get("summary_index"), event.get("part")
            )
        elif kind == "response.output_text.annotation.added":
            self._slot(event, "message").add_annotation(event)
        elif kind.startswith("response.shell_call_output_content."):
            self._slot(event, "shell_call_output").add_output(event)
        elif kind in _STATUS:
            _, step, word = kind.split(".")
            self._slot(event, step).named["status"] = word
        elif kind not in _QUIET and kind not in _BEGUN:
            self._unknown(event, kind)

    def _count(self, number: Any) -> None:
        """Follow the numbers of the events; where there are none, nothing is missing."""
        if type(number) is not int:
            return
        last, self._number = self._number, number
        if last is None or number == last + 1:
            return
        if number == last:
            text = f"two events have the number {number}"
        elif number < last:
            text = f"event {number} comes after event {last}"
        else:
            text = f"event {number} follows event {last}: those between are missing"
        self._note("order", text, "", last, number)

    def _unknown(self, event: dict[str, Any], kind: str) -> None:
        key = f"item_unknown:{kind}"
        if key not in self.problems and len(self.problems) < _MOST_UNKNOWN:
            text = f"no event named {kind!r} is known" if kind else "an event has no type"
            text = f"{text[:160]}; it is kept as it came"
            self.problems[key] = problem("item_unknown", text, before=event)

    def _note(self, what: str, text: str, pointer: str, before: Any, after: Any) -> None:
        """Report that the events and the final object disagree; of one kind, the first time."""
        key = f"stream_final_differs:{what}"
        if key not in self.problems:
            self.problems[key] = problem(
                "stream_final_differs", text[:300], pointer=pointer, before=before, after=after
            )

    def _slot(self, event: dict[str, Any], kind: str) -> StreamedItem:
        """Find the item that an event is about by its index, or by its id; one that was never
        announced begins here.
        """
        index, item_id = event.get("output_index"), event.get("item_id")
        index = index if type(index) is int and index >= 0 else None
        known = self._by_id.get(item_id) if isinstance(item_id, str) else None
        if known is not None and index in (None, known.index):
            return known
        if index is None:
            if self._items and not isinstance(item_id, str):
                return self._items[-1]
        elif index in self._by_index or known is not None:
            return self._by_index.get(index) or known or self._items[-1]
        return self._begin(index, kind, item_id)

    def _begin(self, index: int | None, kind: str, item_id: Any) -> StreamedItem:
        if index is None:
            index = self._next
        slot = StreamedItem(index, kind, item_id if isinstance(item_id, str) else None)
        self._next = max(self._next, index + 1)
        self._items.append(slot)
        self._by_index[index] = slot
        if isinstance(item_id, str):
            self._by_id[item_id] = slot
        return slot

    def _take_item(self, event: dict[str, Any], done: bool) -> list[Delta]:
        """Take an item as it begins or as it ended."""
        item = event.get("item")
        if not isinstance(item, dict):
            return []
        kind, item_id = str(item.get("type")), item.get("id")
        slot = self._slot({"item_id": item_id, **event}, kind)
        if (slot.done or slot.added) and slot.item_id != item_id:
            text = f"two items come under the index {slot.index}"
            self.problems.setdefault("index_collision", problem("index_collision", text))
            slot = self._begin(slot.index, kind, item_id)
        if isinstance(item_id, str):
            self._by_id.setdefault(item_id, slot)
        at = f"/output/{slot.index}"
        if not done:
            slot.added = item
            return self._name(slot, item)
        if slot.added is not None:
            self._same(slot.added, item, at, "when it began", "when it was done")
        if slot.done is None:
            self._compare(slot, words(item), at)
        slot.done = item
        return [*self._name(slot, item), *self._rest(slot, item)]

    def _name(self, slot: StreamedItem, item: dict[str, Any]) -> list[Delta]:
        """Show that a call has begun, once."""
        name, place = call_name(item), id(slot)
        if place in self._calls or not is_call(item) or not isinstance(name, str):
            return []
        self._calls[place] = len(self._calls)
        return [Delta(kind="name", text=name, position=self._calls[place])]

    def _rest(self, slot: StreamedItem, item: dict[str, Any]) -> list[Delta]:
        """Show what came of an item in no delta."""
        found = [
            delta
            for key, text in words(item).items()
            if (id(slot), key) not in self._shown
            for delta in self._show(slot, item, key, text)
        ]
        whole = call_arguments(item) if id(slot) in self._calls else None
        if isinstance(whole, str) and not any((id(slot), key) in self._shown for key in _ARGUMENTS):
            found += self._show(slot, item, ("arguments",), whole)
        return found

    def _show(self, slot: StreamedItem, item: dict[str, Any], key: Key, text: str) -> list[Delta]:
        """Make the delta of a text, where it is one that is shown."""
        place = (id(slot), key)
        self._shown.add(place)
        if not text:
            return []
        kind = item.get("type")
        if key in _ARGUMENTS:
            position = self._calls.get(id(slot))
            known = position is not None
            return [Delta(kind="arguments", text=text, position=position or 0)] if known else []
        if kind == "reasoning" and len(key) == 3:
            apart = self._thought not in (None, place)
            self._thought = place
            return [Delta(kind="reasoning", text=f"\n\n{text}" if apart else text)]
        if kind == "message" and len(key) == 3:
            return [Delta(kind="refusal" if key[2] == "refusal" else "content", text=text)]
        return []

    def _take_text(self, events: TextEvents, event: dict[str, Any], done: bool) -> list[Delta]:
        """Take a piece of a text, or the whole of it."""
        text = event.get(events.name if done else "delta")
        if not isinstance(text, str):
            return []
        slot, key = self._slot(event, events.kind), events.key(event)
        if events.part is not None:
            slot.part_types.setdefault(key[:2], events.part)
        item = slot.added or {"type": slot.kind}
        if not done:
            slot.add_delta(key, text, event)
            return self._show(slot, item, key, text)
        first = key not in slot.texts
        slot.texts[key] = text
        for name in ("name", "call_id"):
            if isinstance(event.get(name), str) and not item.get(name):
                slot.named[name] = event[name]
        if first:
            self._compare(slot, {key: text}, f"/output/{slot.index}")
        return [] if (id(slot), key) in self._shown else self._show(slot, item, key, text)

    def _compare(self, slot: StreamedItem, found: dict[Key, str], at: str) -> None:
        """Compare texts with what the events made of them before; what a stream should have sent in
        pieces and did not is a difference too.
        """
        for key, text in found.items():
            deltas, before = slot.joined(key), slot.texts.get(key)
            if deltas is None and slot.kind in _PIECES:
                deltas = ""
            earlier = next((t for t in (deltas, before) if t is not None and t != text), None)
            if earlier is None:
                continue
            what = _name_of(slot.kind, key)
            said = f"are {len(earlier):,} characters" if earlier else "did not come"
            where = f"of output item {slot.index}"
            self._note(
                what,
                f"the {what} {where} {said} in the pieces and {len(text):,} characters at the end",
                "/".join((at, *map(str, key))),
                earlier,
                text,
            )

    def _same(self, before: Any, after: Any, at: str, when: str, then: str) -> None:
        """Compare what an item is at two times: its type, ids and name."""
        if not isinstance(before, dict) or not isinstance(after, dict):
            return
        for name in ("type", "id", "call_id", "name"):
            a, b = before.get(name), after.get(name)
            if a != b and not (a in (None, "") and name == "name"):
                text = f"the {name} of an output item was {a!r} {when} and is {b!r} {then}"
                self._note(name, text, f"{at}/{name}", a, b)

    def _take_head(self, response: Any, kind: str) -> list[Delta]:
        """Take the answer as an event has it, at the end the whole of it."""
        if self.ended and kind not in _TERMINAL:
            return []
        head = response if isinstance(response, dict) else dict(self._head)
        if not isinstance(response, dict):
            head["status"] = kind.removeprefix("response.")
        before, after = self._head.get("id"), head.get("id")
        if self._head and before != after:
            text = f"the id of the answer was {before!r} before and is {after!r} now"
            self._note("response id", text, "/id", before, after)
        self._head = head
        if kind not in _TERMINAL and (kind or f"response.{head.get('status')}" not in _TERMINAL):
            if kind not in _BEGUN:
                self._unknown(head, kind)
            return []
        again, self.ended = self.ended, True
        return [] if again else self._settle()

    def _settle(self) -> list[Delta]:
        """Compare the final object with the items as they were streamed; show those that no event
        had.
        """
        output, streamed = self._head.get("output"), self._ordered()
        if not isinstance(output, list):
            return []
        if len(output) != len(streamed):
            text = f"the final answer has {len(output)} output items, the events {len(streamed)}"
            self._note("count", text, "/output", len(streamed), len(output))
        for index, (slot, item) in enumerate(zip(streamed, output, strict=False)):
            at = f"/output/{index}"
            self._same(slot.done or slot.added, item, at, "in its events", "in the final answer")
            found = words(item)
            if slot.done is None:
                self._compare(slot, found, at)
                continue
            done = words(slot.done)
            for key in [key for key in {**done, **found} if done.get(key) != found.get(key)]:
                what = _name_of(slot.kind, key)
                text = f"the {what} of output item {index} is another in the final answer"
                pointer = "/".join((at, *map(str, key)))
                self._note(what, text, pointer, done.get(key), found.get(key))
        late = [item for item in output[len(streamed) :] if isinstance(item, dict)]
        slots = [self._begin(None, str(item.get("type")), None) for item in late]
        return [
            delta
            for slot, item in zip(slots, late, strict=True)
            for delta in (*self._name(slot, item), *self._rest(slot, item))
        ]

    def _ordered(self) -> list[StreamedItem]:
        """List the items in the order of the answer."""
        return sorted(self._items, key=lambda slot: slot.index)

    def body(self) -> dict[str, Any]:
        """Return the body that the events so far amount to. Of an answer that was cut off it holds
        what came, and no status: the server said none.
        """
        output = self._head.get("output")
        error = {} if self._error is None or self._head.get("error") else {"error": self._error}
        if self.ended and isinstance(output, list) and (output or not self._items):
            return {**self._head, **error} if error else self._head
        items = [slot.item() for slot in self._ordered()]
        head = {"object": "response", **self._head}
        if not self.ended:
            head.pop("status", None)
        return {**head, "output": items, **error}


_PIECES = frozenset({"message", "function_call", "custom_tool_call", "reasoning"})
"""Items whose texts come in pieces."""


def _name_of(kind: str, key: Key) -> str:
    """Name a text for people."""
    if key in _ARGUMENTS:
        return "arguments"
    if len(key) == 3 and key[2] == "refusal":
        return "refusal"
    return "reasoning" if kind == "reasoning" else "code" if key == ("code",) else "text"
