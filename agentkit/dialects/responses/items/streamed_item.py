"""One output item while its stream comes: what the events have said of it so far, from which the
item is put together where the server never sends it whole.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from agentkit.dialects.responses.items.item_kinds import dicts

Key = tuple[Any, ...]
"""Where a text stands in its item: `("content", 0, "text")`, `("arguments",)`."""


class TextEvents(NamedTuple):
    """The pair of events (`….delta`, `….done`) that carry one text of an item."""

    kind: str
    """The type of the item, for where it was never announced."""
    field: str
    """The field of the item that holds the text or the list of parts."""
    number: str | None = None
    """The event's field that numbers the part; None where the text is no part."""
    part: str | None = None
    """The type of the part."""
    name: str = "text"
    """The part's field with the text, and the done event's."""

    def key(self, event: dict[str, Any]) -> Key:
        """Find where the text of an event belongs."""
        if self.number is None:
            return (self.field,)
        number = event.get(self.number)
        number = number if type(number) is int and number >= 0 else 0
        return (self.field, number, self.name)


_CODE = TextEvents("code_interpreter_call", "code", name="code")
_MCP = TextEvents("mcp_call", "arguments", name="arguments")
TEXTS = {
    "output_text": TextEvents("message", "content", "content_index", "output_text"),
    "refusal": TextEvents("message", "content", "content_index", "refusal", "refusal"),
    "reasoning_text": TextEvents("reasoning", "content", "content_index", "reasoning_text"),
    "reasoning_summary_text": TextEvents("reasoning", "summary", "summary_index", "summary_text"),
    "function_call_arguments": TextEvents("function_call", "arguments", name="arguments"),
    "custom_tool_call_input": TextEvents("custom_tool_call", "input", name="input"),
    "mcp_call_arguments": _MCP,
    "mcp_call.arguments": _MCP,
    "code_interpreter_call_code": _CODE,
    "code_interpreter_call.code": _CODE,
    "shell_call_command": TextEvents("shell_call", "commands", "command_index", None, "command"),
}
"""By the events' names between `response.` and `.delta` or `.done`."""
_FLAT = ("arguments", "input", "code")
_LISTS = ("content", "summary", "output")


class StreamedItem:
    """What the events have said of one item."""

    def __init__(self, index: int, kind: str, item_id: Any) -> None:
        self.index = index
        self.kind = kind
        self.item_id = item_id
        self.added: dict[str, Any] | None = None
        """The item as it was announced."""
        self.done: dict[str, Any] | None = None
        """The item as it was ended."""
        self.deltas: dict[Key, list[str]] = {}
        self.texts: dict[Key, str] = {}
        """The texts as their done events have them."""
        self.named: dict[str, Any] = {}
        """Fields of the item that came beside its texts: a name, a status."""
        self.part_types: dict[Key, str] = {}
        self._parts: dict[Key, dict[str, Any]] = {}
        self._logprobs: dict[Key, list[Any]] = {}
        self._annotations: dict[Key, list[Any]] = {}

    def add_delta(self, key: Key, text: str, event: dict[str, Any]) -> None:
        """Add a piece of a text, with the likelihoods of its tokens where they came along."""
        self.deltas.setdefault(key, []).append(text)
        if isinstance(event.get("logprobs"), list) and event["logprobs"]:
            self._logprobs.setdefault(key[:2], []).extend(event["logprobs"])

    def joined(self, key: Key) -> str | None:
        """Join the pieces of a text; None where none came."""
        pieces = self.deltas.get(key)
        if pieces is None:
            return None
        if len(pieces) > 1:
            pieces[:] = ["".join(pieces)]
        return pieces[0]

    def add_part(self, field: str, index: Any, part: Any) -> None:
        """Take a part of the content or of the summary as an event has it."""
        if isinstance(part, dict):
            self._parts[field, index if type(index) is int and index >= 0 else 0] = part

    def add_annotation(self, event: dict[str, Any]) -> None:
        """Take a citation of a text."""
        index = event.get("content_index")
        key = ("content", index if type(index) is int and index >= 0 else 0)
        self._annotations.setdefault(key, []).append(event.get("annotation"))

    def add_output(self, event: dict[str, Any]) -> None:
        """Take what a command of a shell wrote, or a piece of it."""
        index, piece = event.get("command_index"), event.get("delta")
        whole = dicts(event.get("output"))
        if whole:
            self.add_part("output", index, whole[0])
        for name in ("stdout", "stderr") if not whole else ():
            text = piece.get(name) if isinstance(piece, dict) else None
            if isinstance(text, str) and type(index) is int:
                self.deltas.setdefault(("output", index, name), []).append(text)

    def text_at(self, key: Key) -> str | None:
        """Return what the events made of a text: its done event before its pieces."""
        return self.texts[key] if key in self.texts else self.joined(key)

    def item(self) -> dict[str, Any]:
        """Return the item as it was ended, else what the events so far amount to."""
        if self.done is not None:
            return self.done
        item: dict[str, Any] = {"type": self.kind, **(self.added or {}), **self.named}
        if self.item_id is not None:
            item.setdefault("id", self.item_id)
        if item["type"] == "message":
            item.setdefault("role", "assistant")
            item.setdefault("content", [])
        if item["type"] == "reasoning":
            item.setdefault("summary", [])
        for name in _FLAT:
            text = self.text_at((name,))
            if text is not None:
                item[name] = text
        for name in _LISTS:
            if listed := self._listed(name, item.get(name)):
                item[name] = listed
        self._commands(item)
        return item

    def _listed(self, field: str, given: Any) -> list[Any]:
        """Put the parts of a field together, in the order of their numbers."""
        begun = dict(enumerate(given)) if isinstance(given, list) else {}
        texts: dict[Any, list[str]] = {}
        for key in dict.fromkeys((*self.deltas, *self.texts)):
            if key[0] == field and len(key) == 3:
                texts.setdefault(key[1], []).append(key[2])
        places = (*self._parts, *self._annotations)
        numbers = {*begun, *texts, *(place[1] for place in places if place[0] == field)}
        return [
            self._part((field, number), begun.get(number), texts.get(number, []))
            for number in sorted(numbers)
        ]

    def _part(self, place: Key, begun: Any, names: list[str]) -> Any:
        """Put one part together: as it was ended or begun, with the texts that came for it."""
        part = self._parts.get(place, begun)
        kind = self.part_types.get(place, "output_text")
        if isinstance(part, dict):
            part = dict(part)
        elif not names and place not in self._annotations:
            return part
        elif place[0] == "output":
            part = {}
        else:
            part = {"type": kind, **({"annotations": []} if kind == "output_text" else {})}
        for name in names:
            part[name] = self.text_at((*place, name))
        if self._logprobs.get(place) and not part.get("logprobs"):
            part["logprobs"] = self._logprobs[place]
        if self._annotations.get(place) and not part.get("annotations"):
            part["annotations"] = self._annotations[place]
        return part

    def _commands(self, item: dict[str, Any]) -> None:
        """Add the commands of a shell call."""
        keys = {key for key in (*self.deltas, *self.texts) if key[0] == "commands"}
        if keys:
            action = item.get("action")
            commands = [self.text_at(key) for key in sorted(keys)]
            item["action"] = {**(action if isinstance(action, dict) else {}), "commands": commands}


def words(item: Any) -> dict[Key, str]:
    """Collect the texts of an item that its events carry too, by where they stand."""
    found: dict[Key, str] = {}
    if not isinstance(item, dict):
        return found
    for name in _FLAT:
        if isinstance(item.get(name), str):
            found[(name,)] = item[name]
    for field in ("content", "summary"):
        listed = item.get(field)
        for number, part in enumerate(listed if isinstance(listed, list) else ()):
            for name in ("text", "refusal"):
                if isinstance(part, dict) and isinstance(part.get(name), str):
                    found[field, number, name] = part[name]
    return found
