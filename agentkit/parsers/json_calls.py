"""Calls that are JSON objects, `{"name": N, "arguments": A}` under whatever keys: one, several or a list, between markers or bare."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from agentkit.parsers.coercion import coerce_fields
from agentkit.parsers.draft import Draft, broken, truncated
from agentkit.parsers.engine import Format
from agentkit.parsers.json_text import Object, balanced_end, error_at, read_object, salvage
from agentkit.parsers.scanner import Reading, Scanner, Tokens, end_of, past_json, past_space, past_value
from agentkit.read.call import read_name
from agentkit.read.known_tools import KnownTools
from agentkit.types import problem

_BESIDE = re.compile(r"[\s,;\[\]]*+")
_ANY_KEY = ("arguments", "parameters", "args")


@dataclass(eq=False, kw_only=True)
class JsonCalls(Format):
    """One region is a marker, JSON, and the marker that ends it, which may be missing.

    A closing marker inside a JSON string ends nothing. Where the JSON is broken, the first closing marker does.
    """

    calls: tuple[str, ...]
    ends: tuple[str, ...] = ()
    """Markers at a region's end; none: it ends with its JSON value."""
    opens: tuple[str, ...] = ()
    closes: tuple[str, ...] = ()
    name: str = "name"
    """The key of the name; "" where the name itself is the key of the arguments."""
    arguments: tuple[str, ...] = ("arguments",)
    """The keys of the arguments that are the format's own."""
    id: str = ""
    """The key of the id."""
    strict: bool = True
    """Nothing else may stand beside the objects."""
    coerce: bool = False
    """Values are read by the tool's schema, although JSON has types."""
    bare: bool = False
    """The markers are ordinary text too: what is no call with a name and arguments is left alone."""
    list_only: bool = False
    """The JSON is a list, or it is no call."""
    objects_only: bool = False
    """With arguments that are not an object it is no call."""
    stops: Tokens = field(init=False)
    end_tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        self.stops = Tokens((*self.ends, *self.calls))
        self.end_tokens = Tokens(self.ends)
        self.prepare()

    def region(self, s: Scanner) -> Reading[bool]:
        marker = self.everywhere.regex.match(s.text, s.at)
        s.at += len(marker.group()) if marker and marker.group() not in "{[" else 0
        if self.ends:
            return (yield from marked_end(s, self.stops, self.end_tokens))
        opening = yield from past_space(s)
        if opening not in ("[" if self.list_only else "{["):
            return False
        return (yield from past_value(s, "" if self.bare else "'"))

    def read(self, raw: str, start: int, closed: bool, tools: KnownTools) -> list[Draft]:
        opening = end_of(self.everywhere.regex, raw, 0) if raw[0] not in "{[" else 0
        body_end = len(raw) - self._end_length(raw, closed)
        drafts, rest = self._objects(raw, opening, body_end, start, closed, tools)
        if self.bare:
            return [d for d in drafts if d.name and (d.whole or d.arguments)] if self._is_call(raw, opening, drafts) else []
        if len(drafts) == 1 and not rest:
            drafts[0].start, drafts[0].end = start, start + len(raw)
        if not drafts:
            body = raw[opening:body_end]
            why, at = error_at(body)
            return [broken(start, start + len(raw), None, body.strip(), why, start + opening + at)]
        return drafts

    def _is_call(self, raw: str, opening: int, drafts: list[Draft]) -> bool:
        return bool(drafts) and not (self.list_only and raw[end_of(_BESIDE, raw, opening) - 1 :][:1] == "")

    def _end_length(self, raw: str, closed: bool) -> int:
        if not self.ends:
            return 0
        if closed:
            return next(len(end) for end in self.end_tokens.literals if raw.endswith(end))
        return self.end_tokens.partial(raw)

    def _objects(
        self, raw: str, at: int, end: int, start: int, closed: bool, tools: KnownTools
    ) -> tuple[list[Draft], bool]:
        """The objects in the text, and whether something else stands beside them."""
        drafts: list[Draft] = []
        strange = False
        while (at := end_of(_BESIDE, raw, at)) < end:
            if raw[at] == "{":
                found = read_object(raw, at)
                draft = self._draft(raw, at, found, start, tools) if found else self._broken(raw[at:end], start + at, closed)
                drafts.append(draft)
                at = draft.end - start
                continue
            following = raw.find("{", at, end)
            following = end if following < 0 else following
            strange = True
            if self.strict and drafts and (closed or raw[at] in "}]"):
                self._spoil(drafts[-1], raw[at:following], start + at)
            at = following
        return drafts, strange

    def _spoil(self, draft: Draft, junk: str, at: int) -> None:
        draft.whole = False
        what = "a bracket too many" if junk[0] in "}]" else "other text"
        draft.fault = problem("arguments_invalid_json", f"{what} stands behind the call's JSON, at character {at}", before=junk)

    def _draft(self, raw: str, at: int, found: Object, start: int, tools: KnownTools) -> Draft:
        members = found.members
        if not self.name:
            key = next(iter(members), None)
        else:
            key = next((k for k in (*self.arguments, *_ANY_KEY) if k in members), None)
        name = (members[self.name].value if self.name in members else None) if self.name else key
        arguments = raw[members[key].start : members[key].end] if key in members else None
        draft = Draft(start + at, start + found.end, name if isinstance(name, str) else None, arguments)
        draft.id = members[self.id].value if self.id in members else None
        value = members[key].value if key in members else None
        draft.whole = draft.name is not None and (key is not None or not self.bare)
        if self.objects_only and not isinstance(value, dict):
            draft.whole = False
        if self.name and key is not None and key not in self.arguments:
            draft.notes = (problem("arguments_key_parameters", f"the arguments stand under {key!r}"),)
        if self.coerce and isinstance(value, dict):
            coerced = coerce_fields(value, tools.parameters(read_name(draft.name, tools)[0]))
            draft.value = coerced if coerced != value else None
        return draft

    def _broken(self, text: str, start: int, closed: bool) -> Draft:
        found = salvage(text)
        end = balanced_end(text, 0)
        stop = start + (len(text) if end is None else end)
        if found.mendable:
            return Draft(start, stop, found.name, found.arguments, whole=False)
        if end is None and not closed:
            return truncated(start, stop, found.name, found.arguments)
        why, at = error_at(text[:end])
        return broken(start, stop, found.name, found.arguments, why, start + at)


def marked_end(s: Scanner, stops: Tokens, ends: Tokens) -> Reading[bool]:
    """Reads to behind the marker that ends a region; whether it is there. Another call's marker ends the region too, before itself."""
    found = yield from past_json(s, stops)
    if found is None:
        text = s.marked()
        opening = end_of(stops.regex, text, 0)
        earlier = stops.regex.search(text, opening)
        if earlier:
            ended = earlier.group() in ends.literals
            s.rewind(earlier.end() if ended else earlier.start())
            return ended
        found = yield from s.seek(stops)
    if found is None or found.group() not in ends.literals:
        return False
    s.at = found.end()
    return True


def text_of(value: Any) -> str | None:
    """The value where it is text."""
    return value if isinstance(value, str) else None
