"""Gemma's calls: `call:N{k:<|"|>v<|"|>,n:1}`, strings between two equal marks, everything else
bare.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_name import read_name
from agentkit.read.parsers.call_parser import Ending, Format, nested_or_flat
from agentkit.read.parsers.literals.coercion import (
    Coercion,
    Schema,
    by_schema,
    coerce_fields,
    field_schema,
)
from agentkit.read.parsers.literals.python_text import Unreadable
from agentkit.read.parsers.output import Draft, Drafts, broken, trailing_data, truncated
from agentkit.read.parsers.scanner import Markers, Scanner, end_of

_SPACE = re.compile(r"[\s,]*+")
_KEY = re.compile(r"[^:{}\[\],]*+")
_BARE = re.compile(r"[^,{}\[\]]*+")
_DEEPEST = 100


_BARE_TYPES = {"type": ["null", "integer", "number", "boolean", "string"]}


def plainly(text: str, schema: Schema) -> Any:
    """Read null, a number, a boolean, or the text."""
    return by_schema(text, _BARE_TYPES)


@dataclass(eq=False, kw_only=True)
class BraceCalls(Format):
    quote: str
    """The mark before and behind a string."""
    strings: Coercion | None = None
    """How strings are read; None: all values are read by the tool's schema."""
    bare: Coercion = plainly
    """How values without marks are read, where strings are not read by the schema."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tokens = Markers((self.quote, *self.calls, *self.ends))
        self.head = re.compile(
            rf"{re.escape(self.calls[0])}\s*+(?:call)?+:?+\s*+(?P<name>[^\s{{}}()<>:]++)\s*+[{{(]"
        )

    def region(self, s: Scanner) -> Ending:
        s.at += len(self.calls[0])
        return nested_or_flat(s, self.end_markers, self._end)

    def _end(self, s: Scanner, nested: bool) -> Ending | None:
        """Read to the call's end outside its strings; None where the text ends inside one. A whole
        call in a string is skipped.
        """
        inside, depth = False, 0
        while found := (s.seek(self.tokens)):
            marker = found.group()
            if not inside and marker in self.calls:
                return "next"
            s.at += len(marker)
            if marker == self.quote:
                inside = inside if depth else not inside
            elif marker in self.calls:
                depth += nested
            elif not inside:
                return "end"
            else:
                depth = max(0, depth - 1)
        return None if inside else "cut"

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Drafts | None:
        end = start + len(raw)
        head = self.head.match(raw)
        if head is None:
            if ending == "end":
                return Drafts([broken(start, end, None, raw, "there is no name")])
            if ending == "cut" and not re.search(r"\s", raw.strip()):
                return Drafts([truncated(start, end, None, "")])
            return None
        name, at = head["name"], head.end()
        close = len(self.ends[0]) if ending == "end" else 0
        arguments = raw[at : len(raw) - close].rstrip().removesuffix("}").removesuffix(")")
        reader = BraceReader(raw, at, self)
        try:
            value = reader.fields(0)
        except Unreadable as exc:
            if ending == "cut":
                return Drafts([truncated(start, end, name, arguments)])
            return Drafts([broken(start, end, name, arguments, exc.why, start + exc.at)])
        rest = raw[reader.at : len(raw) - close].strip()
        strange = "" if self.ends[0].startswith(rest) else rest
        if strange and ending != "end":
            why = "something stands behind the arguments"
            return Drafts([broken(start, end, name, arguments, why, start + reader.at)])
        notes = trailing_data("other text stands behind the arguments", strange)
        value = self._typed(value, tools.parameters(read_name(name, tools)[0]))
        return Drafts([Draft(start, end, name, raw[at : reader.at - 1], value=value, notes=notes)])

    def _typed(self, value: dict[str, Any], parameters: Schema) -> dict[str, Any]:
        if self.strings is None:
            return coerce_fields(value, parameters)
        read = self.strings
        return {
            k: read(v, field_schema(parameters, k)) if isinstance(v, str) else v
            for k, v in value.items()
        }


class BraceReader:
    """A cursor over the arguments of one call."""

    def __init__(self, raw: str, at: int, form: BraceCalls) -> None:
        self.raw, self.at, self.form = raw, at, form
        self.nested = True
        """A whole call inside a string is a part of the string."""

    def fields(self, depth: int) -> dict[str, Any]:
        """Read the fields up to the closing bracket."""
        found: dict[str, Any] = {}
        while self._char(_SPACE) not in ("", "}", ")"):
            if self.raw.startswith(self.form.quote, self.at):
                key = self.string()
            else:
                begin, self.at = self.at, end_of(_KEY, self.raw, self.at)
                key = self.raw[begin : self.at].strip()
            if self._char() != ":" or not key:
                raise Unreadable("a value has no name", self.at)
            self.at += 1
            found[key] = self.value(depth)
        self._close()
        return found

    def items(self, depth: int) -> list[Any]:
        """Read the items up to the closing bracket."""
        found: list[Any] = []
        while self._char(_SPACE) not in ("", "]"):
            found.append(self.value(depth))
        self._close()
        return found

    def value(self, depth: int) -> Any:
        first = self._char(_SPACE)
        if depth > _DEEPEST:
            raise Unreadable("it is nested too deeply", self.at)
        if self.raw.startswith(self.form.quote, self.at):
            value = self.string()
            if self._char() not in ",}]) \n\t":
                raise Unreadable("something stands behind a string", self.at)
            return value
        if first and first in "{[":
            self.at += 1
            return self.fields(depth + 1) if first == "{" else self.items(depth + 1)
        begin, self.at = self.at, end_of(_BARE, self.raw, self.at)
        text = self.raw[begin : self.at].strip()
        if not text:
            raise Unreadable("a value is missing", self.at)
        return self.form.bare(text, None) if self.form.strings else text

    def string(self) -> str:
        """Read the string whose mark is here."""
        tokens, quote = self.form.tokens, self.form.quote
        begin = at = self.at + len(quote)
        depth = 0
        while self.nested and (found := tokens.regex.search(self.raw, at)):
            at = found.end()
            if found.group() == quote and not depth:
                self.at = at
                return self.raw[begin : found.start()]
            depth += (found.group() in self.form.calls) - (
                found.group() in self.form.ends and depth > 0
            )
        self.nested = False
        end = self.raw.find(quote, begin)
        if end < 0:
            raise Unreadable("a string is not closed", self.at)
        self.at = end + len(quote)
        return self.raw[begin:end]

    def _char(self, skip: re.Pattern[str] | None = None) -> str:
        if skip:
            self.at = end_of(skip, self.raw, self.at)
        return self.raw[self.at : self.at + 1]

    def _close(self) -> None:
        if not self._char():
            raise Unreadable("a bracket is not closed", self.at)
        self.at += 1
