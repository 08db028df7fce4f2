"""Calls in tags: a name, then parameters with values between an opening and a closing tag. Values
are raw text without escapes.

A value may hold the family's own markup, which is read by matching opening and closing tags. Where
they do not match, the call is read
flat: a value ends at the first closing tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any, NamedTuple

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_name import read_name
from agentkit.read.parsers.call_parser import Ending, Format, nested_or_flat
from agentkit.read.parsers.literals.coercion import (
    Coercion,
    Schema,
    by_schema,
    coerce_fields,
    field_schema,
    fields_of,
    full_field_schema,
)
from agentkit.read.parsers.literals.json_text import inner_call, read_value
from agentkit.read.parsers.output import (
    Draft,
    Drafts,
    broken,
    cut_by,
    nameless,
    trailing_data,
    truncated,
    with_types,
)
from agentkit.read.parsers.scanner import Markers, Scanner

_CUT_HEAD = re.compile(
    r"""\s*+(?:(?:name|tool)\s*+=\s*+["'](?P<given>[\w.\-]++)["'](?:\s++\w*+(?:=["'\w]*+)?+)?+"""
    r"""|(?:\w*+\s*+=)?+[\s"']*+(?P<word>[\w.\-]*+)\s*+)(?P<rest><[^<>\s]{0,60}+)?+\Z"""
)
"""A call's marker and what can follow it where the text ends before the first parameter."""


_FIRST_WORD = re.compile(r"""\s*+(?:name\s*+=)?+[\s"'=]*+(?P<name>[\w.\-]{1,128})""")


class Value(NamedTuple):
    """One parameter of a call."""

    key: str
    text: str
    type: str | None
    """The type the markup names."""
    closed: bool


@dataclass(eq=False, kw_only=True)
class TagCalls(Format):
    head: re.Pattern[str]
    """From the call's marker on: group `name`."""
    parameters: tuple[str, ...]
    """The markers a parameter starts with."""
    opening: re.Pattern[str]
    """A parameter's opening tag: groups `key` and, where the markup has one, `type`."""
    closings: tuple[str, ...]
    """The tags that close a value."""
    coercion: Coercion = by_schema
    loose_opening: re.Pattern[str] | None = None
    """What may be taken for an opening tag where a broken call is guessed at."""
    trim_newline: bool = False
    """One newline on each side of a value belongs to the markup."""
    trim: str | None = None
    """Characters at both ends of a value that do not count."""
    coerce: bool = True
    """Values that the markup types are read by the tool's schema too."""
    typed: str = ""
    """How types in the markup are meant: `json` (`type="string"` is text, the rest JSON), or `dsml`
    (`string="true"` is text, the rest JSON, then the schema)."""
    entities: tuple[tuple[str, str], ...] = ()
    """Escapes in attributes."""
    references: bool = False
    """`$ref`s in the tool's schema are followed."""
    wrappers: tuple[str, ...] = ()
    """Parameters that hold all the arguments as an object, where the tool has none of that name."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tokens = Markers(
            (
                *self.parameters,
                *self.closings,
                *self.ends,
                *self.calls,
                *self.opens,
                *self.closes,
            )
        )
        self.inner = frozenset((*self.parameters, *self.closings))

    def region(self, s: Scanner) -> Ending:
        s.at += next(len(call) for call in self.calls if s.text.startswith(call, s.at))
        return nested_or_flat(s, self.end_markers, self._matched_end)

    def _matched_end(self, s: Scanner, nested: bool) -> Ending | None:
        """Read to the call's end outside its values; None where the text ends inside one."""
        depth = 0
        while found := (s.seek(self.tokens)):
            marker = found.group()
            if depth == 0 and marker not in self.inner:
                if marker not in self.ends:
                    return "next"
                s.at += len(marker)
                return "end"
            s.at += len(marker)
            if marker in self.parameters:
                depth = depth + 1 if nested else 1
            elif marker in self.closings:
                depth = max(0, depth - 1)
        return None if depth else "cut"

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Drafts | None:
        end = start + len(raw)
        head = self.head.match(raw)
        if head is None:
            if ending == "end":
                return Drafts([self._headless(raw, start, tools)])
            opened = next(len(call) for call in self.calls if raw.startswith(call))
            cut = _CUT_HEAD.match(raw, opened) if ending == "cut" else None
            if cut is None:
                return None
            word = cut["word"] if cut["rest"] else None
            return Drafts([truncated(start, end, cut["given"] or word, "")])
        body_end = len(raw)
        if ending == "end":
            body_end -= next((len(marker) for marker in self.ends if raw.endswith(marker)), 0)
        values, rest, strange = self._values(raw, head.end(), body_end)
        name = self.named(self._plain(head["name"]), tools)
        parameters = tools.parameters(read_name(name, tools)[0])
        arguments = raw[head.end() : body_end].strip()
        if ending == "cut" and (
            (values and not values[-1].closed) or not self._cut_in_end(raw[rest:])
        ):
            return self._faulty(truncated(start, end, name, arguments), values, parameters)
        if values and not values[-1].closed:
            draft = broken(start, end, name, arguments, "a value is not closed", start + rest)
            return self._faulty(draft, values, parameters)
        strange = strange or (raw[rest:].strip() if ending == "next" else "")
        why = self._strangeness(values, strange, ending)
        if why:
            draft = broken(start, end, name, arguments, why, start + rest)
            if not values:
                inner = inner_call(f"{name}{strange}")
                draft.guess = inner[1] if inner else None
                values = self._values(raw, head.end(), body_end, loose=True)[0]
            return self._faulty(draft, values, parameters)
        closing = self._closed_early(raw, head.end(), body_end, strange)
        if closing:
            values = self._values(raw, head.end(), body_end, late=True)[0]
            draft = cut_by(closing, start, end, name, arguments)
            return self._faulty(draft, values, parameters)
        notes = trailing_data("other text stands between the parameters", strange)
        draft = Draft(start, end, name, arguments, notes=notes)
        read = self.arguments(values, parameters)
        written = {v.key: self._decoded(v, None) for v in values} if self.typed == "dsml" else read
        if self.wrappers and written.keys() != read.keys():
            written = read
        return Drafts([with_types(draft, written, read)])

    def _strangeness(self, values: list[Value], strange: str, ending: Ending) -> str:
        """Say why text between the parameters makes the call unusable; "" where it does not."""
        if not strange:
            return ""
        if ending == "next":
            return "the call is not closed, and other text follows"
        if any(marker in strange for marker in self.parameters):
            return "a parameter is not whole"
        return "its arguments are no tags" if strange[:1] == "{" and not values else ""

    def _headless(self, raw: str, start: int, tools: KnownTools) -> Draft:
        """Make a call without a readable head; what can be read of its parameters is the guess."""
        draft = nameless(start, start + len(raw), raw)
        opened = next(len(call) for call in self.calls if raw.startswith(call))
        values = self._values(raw, opened, len(raw), loose=True)[0]
        word = _FIRST_WORD.match(raw, opened)
        if draft.guess is None and values and word:
            why = "its head is not whole"
            draft = broken(start, start + len(raw), word["name"], raw, why)
            parameters = tools.parameters(word["name"])
            self._faulty(draft, values, parameters)
        return draft

    def _faulty(self, draft: Draft, values: list[Value], parameters: Schema) -> Drafts:
        """Give a broken call what can be read of its arguments, to be shown as a guess."""
        if values and not values[-1].closed:
            last = values[-1]
            cut = self.tokens.regex.search(last.text)
            text = last.text[: cut.start()] if cut else last.text
            text = text[: len(text) - self.tokens.partial(text)].rstrip()
            values = [*values[:-1], last._replace(text=text)]
        draft.value = self.arguments(values, parameters)
        return Drafts([draft])

    def _closed_early(self, raw: str, at: int, end: int, strange: str) -> str:
        """Find the closing tag that a value holds as text, which cut it; "" where none does.

        Two of them next to each other are a slip of the model that takes nothing away.
        """
        if not strange:
            return ""
        opened, behind = False, end
        for found in self.tokens.regex.finditer(raw, at, end):
            if found.group() in self.closings:
                if not opened and raw[behind : found.start()].strip():
                    return found.group()
                opened, behind = False, found.end()
            elif found.group() in self.parameters:
                opened = True
        return ""

    def named(self, name: str, tools: KnownTools) -> str:
        """Return the tool's name."""
        return name

    def _plain(self, name: str) -> str:
        name = name.strip()
        if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
            name = name[1:-1]
        for escaped, char in self.entities:
            name = name.replace(escaped, char)
        return name.strip()

    def _cut_in_end(self, rest: str) -> bool:
        """Return whether nothing but the call's own closing tag can have been cut off."""
        rest = rest.strip()
        return (
            bool(rest)
            and not any(marker.startswith(rest) for marker in self.parameters)
            and any(end.startswith(rest) for end in self.ends)
        )

    def _values(
        self, raw: str, at: int, end: int, late: bool = False, loose: bool = False
    ) -> tuple[list[Value], int, str]:
        """Read the parameters, where the last one ends, and text between them that belongs to
        nothing.

        Args:
            raw: the text of the call.
            at: where the parameters start.
            end: where they end.
            late: a value ends with the last closing tag before the next parameter.
            loose: an opening tag that is not whole counts too.
        """
        opening = (self.loose_opening or self.opening) if loose else self.opening
        marks = [
            m
            for m in self.tokens.regex.finditer(raw, at, end)
            if m.group() not in self.parameters or opening.match(raw, m.start(), end)
        ]
        marks = self._last_closings(marks) if late else marks
        nested = self._balanced(marks)
        values: list[Value] = []
        strange = ""
        index = 0
        while index < len(marks):
            tag = opening.match(raw, marks[index].start(), end)
            index += 1
            if tag is None:
                continue
            strange += raw[at : tag.start()].strip()
            index, stop, at, closed = self._value_end(marks, index, tag.end(), end, nested)
            text = raw[tag.end() : stop]
            if self.trim_newline:
                text = text.removeprefix("\n").removesuffix("\n")
            text = text.strip(self.trim) if self.trim else text
            values.append(
                Value(self._plain(tag["key"]), text, tag["type"] if self.typed else None, closed)
            )
        return values, at, strange or (raw[at:end].strip() if end < len(raw) else "")

    def _last_closings(self, marks: list[re.Match[str]]) -> list[re.Match[str]]:
        """Leave out each closing tag that another one follows before the next parameter."""
        return [
            mark
            for mark, following in zip(marks, [*marks[1:], None], strict=True)
            if following is None
            or mark.group() not in self.closings
            or following.group() not in self.closings
        ]

    def _balanced(self, marks: list[re.Match[str]]) -> bool:
        depth = 0
        for found in marks:
            depth += (found.group() in self.parameters) - (found.group() in self.closings)
            if depth < 0:
                return False
        return depth == 0

    def _value_end(
        self, marks: list[re.Match[str]], index: int, begin: int, end: int, nested: bool
    ) -> tuple[int, int, int, bool]:
        """Find the marker to go on with, where a value and its closing tag end, and whether it has
        one.
        """
        depth = 1
        for at in range(index, len(marks)):
            found = marks[at]
            if found.start() < begin:
                continue
            if found.group() in self.closings:
                depth -= 1
            elif found.group() in self.parameters:
                if not nested:
                    return at, found.start(), found.start(), True
                depth += 1
            if depth == 0:
                return at + 1, found.start(), found.end(), True
        return len(marks), end, end, False

    def arguments(self, values: list[Value], parameters: Schema) -> dict[str, Any]:
        """Read the parameters as values; of a key given twice the last one."""
        schema_of = full_field_schema if self.references else field_schema
        found = {
            value.key: self._decoded(value, schema_of(parameters, value.key)) for value in values
        }
        found = coerce_fields(found, parameters) if self.typed == "dsml" and self.coerce else found
        return _unwrapped(found, parameters, self.wrappers) if self.wrappers else found

    def _decoded(self, value: Value, schema: Schema) -> Any:
        if not self.typed:
            return self.coercion(value.text, schema)
        as_text = value.type == "true" if self.typed == "dsml" else value.type in (None, "string")
        parsed = None if as_text else read_value(value.text, 0)
        return parsed[0] if parsed and not value.text[parsed[1] :].strip() else value.text


def _unwrapped(
    arguments: dict[str, Any], parameters: Schema, wrappers: tuple[str, ...]
) -> dict[str, Any]:
    """Take the arguments out of a single parameter, `arguments` or the like, that the tool does not
    have.
    """
    known = fields_of(parameters)
    key, inner = next(iter(arguments.items()), ("", None))
    if len(arguments) != 1 or key not in wrappers or not known or key in known:
        return arguments
    if isinstance(inner, str):
        parsed = read_value(inner, 0)
        inner = parsed[0] if parsed else None
    return (
        coerce_fields(inner, parameters)
        if isinstance(inner, dict) and set(inner) <= set(known)
        else arguments
    )


@dataclass(eq=False, kw_only=True)
class XmlCalls(TagCalls):
    """Calls in tags that are XML: CDATA sections, and escapes in values where the whole call is
    well-formed.
    """

    def arguments(self, values: list[Value], parameters: Schema) -> dict[str, Any]:
        """Read the parameters as values; of a key given twice the last one."""
        escaped = all(_XML_TEXT.fullmatch(value.text) for value in values)
        return super().arguments(
            [value._replace(text=_xml_text(value.text, escaped)) for value in values], parameters
        )


_XML_TEXT = re.compile(
    r"(?:[^<&]|&(?:lt|gt|amp|quot|apos|#\d+|#x[0-9a-fA-F]+);|<!\[CDATA\[.*?\]\]>)*+", re.DOTALL
)


def _xml_text(text: str, escaped: bool) -> str:
    if text.startswith("<![CDATA[") and text.endswith("]]>"):
        return text[9:-3]
    return unescape(text) if escaped and "&" in text else text
