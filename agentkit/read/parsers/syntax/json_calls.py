"""Calls that are JSON objects, `{"name": N, "arguments": A}` under whatever keys: one, several or a
list, between markers or bare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_name import read_name
from agentkit.read.parsers.call_parser import Ending, Format
from agentkit.read.parsers.literals.coercion import coerce_fields
from agentkit.read.parsers.literals.json_text import (
    Object,
    balanced_end,
    error_at,
    read_object,
    salvage,
)
from agentkit.read.parsers.output import Draft, Drafts, broken, truncated, with_types
from agentkit.read.parsers.scanner import Markers, Scanner, end_of
from agentkit.types.problem import problem

_BESIDE = re.compile(r"[\s,;\[\]]*+")
_BEGINS = re.compile(r'\{\s*+"name"\s*+:\s*+"[^"]*"\s*+,?\s*+(?:"[a-z]*"?\s*+:?\s*+)?\Z')
_ANY_KEY = ("arguments", "parameters", "args")


@dataclass(eq=False, kw_only=True)
class JsonCalls(Format):
    """One region is a marker, JSON, and the marker that ends it, which may be missing; where the
    format has no such marker, it ends with its JSON value.

    A closing marker inside a JSON string ends nothing. Where the JSON is broken, the first closing
    marker does.
    """

    name: str = "name"
    """The key of the name; "" where the name itself is the key of the arguments."""
    arguments: tuple[str, ...] = ("arguments",)
    """The keys of the arguments that are the format's own."""
    id: str = ""
    """The key of the id."""
    pairs: Mapping[str, str] = field(default_factory=dict)
    """With no `ends`: what may be behind the value, by the marker before it."""
    strict: bool = True
    """Nothing else may be beside the objects."""
    coerce: bool = False
    """Values are read by the tool's schema, although JSON has types."""
    bare: bool = False
    """The markers are ordinary text too: what is no call with a name and arguments is left
    alone.
    """
    list_only: bool = False
    """The JSON is a list, or it is no call."""
    objects_only: bool = False
    """With arguments that are not an object it is no call."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.end_markers = Markers((*self.ends, *self.pairs.values()))

    def region(self, s: Scanner) -> Ending:
        marker = s.text[s.at : s.at + self._opening(s.text, s.at)]
        s.at += len(marker)
        if self.ends:
            return marked_end(s, self.stops, self.end_markers)
        opening = s.skip_space()
        if opening and opening in ("[" if self.list_only else "{["):
            whole = s.skip_value(self.stops, "" if self.bare else "'")
            s.skip_brackets()
            if whole and marker in self.pairs:
                s.skip_literal(self.pairs[marker])
            if whole:
                return "end"
        return "cut" if s.finished else "next"

    def _opening(self, text: str, at: int) -> int:
        """Return the length of the marker here; brackets belong to the JSON."""
        end = end_of(self.everywhere.regex, text, at)
        return 0 if text[at:end] in "{[" else end - at

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Drafts | None:
        opening = self._opening(raw, 0)
        end = len(raw) - self._end_length(raw, ending)
        drafts, left = self._objects(raw, opening, end, start, ending, tools)
        if self.bare:
            calls = []
            for draft in drafts:
                if draft.name and (draft.arguments or _BEGINS.match(raw, draft.start - start)):
                    calls.append(draft)
                else:
                    left.append((draft.start, draft.end))
            return Drafts(calls, tuple(left)) if calls else None
        if not drafts and ending != "end":
            return None
        if not drafts:
            why, at = error_at(raw[opening:end])
            text, at = raw[opening:end].strip(), start + opening + at
            return Drafts([broken(start, start + len(raw), None, text, why, at)])
        if len(drafts) == 1 and not left:
            drafts[0].start, drafts[0].end = start, start + len(raw)
        return Drafts(drafts, tuple(left))

    def _end_length(self, raw: str, ending: Ending) -> int:
        if ending == "end":
            return next((len(end) for end in self.end_markers.literals if raw.endswith(end)), 0)
        return self.end_markers.partial(raw) if ending == "cut" else 0

    def _objects(
        self, raw: str, at: int, end: int, start: int, ending: Ending, tools: KnownTools
    ) -> tuple[list[Draft], list[tuple[int, int]]]:
        """Read the objects in the text, and find the spans of other text beside them."""
        drafts: list[Draft] = []
        left = []
        failed = False
        while (behind := end_of(_BESIDE, raw, at)) < end:
            listed, at = "," in raw[at:behind], behind
            if raw[at] == "{":
                # What json raises counts the lines before the fault, so that behind a broken object
                # each is read from a text of its own.
                text, place = (raw[at : balanced_end(raw, at, end)], 0) if failed else (raw, at)
                found = read_object(text, place)
                failed = failed or found is None
                begins = start + at - place
                drafts.append(
                    self._draft(text, place, found, begins, tools)
                    if found
                    else self._broken(raw, at, end, start, ending)
                )
                at = drafts[-1].end - start
                continue
            following = raw.find("{", at, end)
            following = end if following < 0 else following
            junk = raw[at:following].rstrip()
            if listed and drafts and junk[0] == '"':
                place = start + at
                drafts.append(broken(place, place + len(junk), None, junk, "it is not an object"))
            elif self.strict and drafts and (ending == "end" or junk[0] == "}"):
                self._spoil(drafts[-1], junk, start + at)
            elif self.strict or junk.strip("}] \n"):
                left.append((start + at, start + following))
            at = following
        return drafts, left

    def _spoil(self, draft: Draft, junk: str, at: int) -> None:
        draft.whole, draft.end = False, at + len(junk)
        what = "a bracket too many" if junk[0] == "}" else "other text"
        draft.fault = problem(
            "arguments_invalid_json",
            f"{what} stands behind the call's JSON, at character {at}",
            before=junk,
        )

    def _draft(self, raw: str, at: int, found: Object, start: int, tools: KnownTools) -> Draft:
        members = found.members
        if not self.name:
            key = next(iter(members), None)
        else:
            key = next((k for k in (*self.arguments, *_ANY_KEY) if k in members), None)
        name = (members[self.name].value if self.name in members else None) if self.name else key
        arguments = raw[members[key].start : members[key].end] if key in members else None
        draft = Draft(
            start + at, start + found.end, name if isinstance(name, str) else None, arguments
        )
        draft.id = members[self.id].value if self.id in members else None
        value = members[key].value if key in members else None
        draft.whole = draft.name is not None and (key is not None or not self.bare)
        if self.objects_only and not isinstance(value, dict):
            draft.whole = False
        if self.name and key is not None and key not in self.arguments:
            draft.notes = (
                problem("arguments_key_parameters", f"the arguments stand under {key!r}"),
            )
        if self.coerce and isinstance(value, dict):
            coerced = coerce_fields(value, tools.parameters(read_name(draft.name, tools)[0]))
            if coerced is not value:
                with_types(draft, value, coerced)
        return draft

    def _broken(self, raw: str, at: int, limit: int, start: int, ending: Ending) -> Draft:
        end = balanced_end(raw, at, limit)
        text = raw[at : limit if end is None else end]
        found = salvage(text, self.name == "")
        start += at
        stop = start + len(text)
        if found.repairable:
            return Draft(start, stop, found.name, found.arguments, whole=False)
        if end is None and ending == "cut":
            return truncated(start, stop, found.name, found.arguments)
        why, error = error_at(text)
        return broken(start, stop, found.name, found.arguments, why, start + error)


def marked_end(
    s: Scanner, stops: Markers, ends: Markers, quotes: str = '"', begin: int | None = None
) -> Ending:
    """Read to behind the marker that ends a region, or to where something else begins.

    Args:
        s: where the reading is.
        stops: all markers that are no part of a call.
        ends: those that end the region.
        quotes: the characters that begin and end strings.
        begin: where what may hold an earlier marker begins; None: behind the region's own marker.
    """
    found = s.seek_outside_strings(stops, quotes)
    if found is None:
        begin = end_of(stops.regex, s.text, s.start) if begin is None else begin
        earlier = stops.regex.search(s.text, begin, s.at)
        if earlier:
            ended = earlier.group() in ends.literals
            s.at = earlier.end() if ended else earlier.start()
            return "end" if ended else "next"
        found = s.seek(stops)
    if found is None:
        return "cut"
    if found.group() not in ends.literals:
        return "next"
    s.at = found.end()
    return "end"
