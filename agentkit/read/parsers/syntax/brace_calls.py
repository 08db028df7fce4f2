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
    Bare,
    Coercion,
    Schema,
    as_written,
    coerce_fields,
    field_schema,
    plainly,
    without_marks,
)
from agentkit.read.parsers.literals.json_text import read_value
from agentkit.read.parsers.literals.python_text import Unreadable
from agentkit.read.parsers.output import (
    Draft,
    Drafts,
    broken,
    nameless,
    trailing_data,
    truncated,
    with_types,
)
from agentkit.read.parsers.scanner import Markers, Scanner, end_of
from agentkit.types.problem import problem

_SPACE = re.compile(r"[\s,]*+")
_SPACES = re.compile(r"\s*+")
_KEY = re.compile(r"[^:{}\[\],]*+")
_BARE = re.compile(r"[^,{}\[\]]*+")
_BEHIND_STRING = "something stands behind a string"
_DEEPEST = 100


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
        self.field = re.compile(
            rf"(?:\A|(?<=[{{,\s\[\]}}]))[\"']?(?P<key>[A-Za-z_][\w.\-]*+)[\"']?:\s*+"
            rf"(?:(?P<mark>{re.escape(self.quote)})|(?=[\d\-tfn\"{{\[]))"
        )
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
                return Drafts([nameless(start, end, raw)])
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
            draft = (
                truncated(start, end, name, arguments)
                if ending == "cut"
                else broken(start, end, name, arguments, exc.why, start + exc.at)
            )
            draft.guess = self._guessed(raw[at : len(raw) - close]) or None
            if exc.why == _BEHIND_STRING and self.quote in raw[exc.at :]:
                note = f"a value holds {self.quote!r}, which cuts it off"
                draft.notes = (problem("markup_leak", note, before=arguments),)
            return Drafts([draft])
        rest = raw[reader.at : len(raw) - close].strip()
        strange = "" if self.ends[0].startswith(rest) else rest
        if strange and ending != "end":
            why = "something stands behind the arguments"
            draft = broken(start, end, name, arguments, why, start + reader.at)
            draft.guess = without_marks(value) or None
            return Drafts([draft])
        notes = trailing_data("other text stands behind the arguments", strange)
        if reader.quoted:
            message = "strings stand in JSON's quotes, which the server's parser keeps in the value"
            notes = (*notes, problem("arguments_double_encoded", message, before=arguments))
        parameters = tools.parameters(read_name(name, tools)[0])
        read = without_marks(self._typed(value, parameters))
        typed = self.strings is None and (parameters is not None or not tools)
        draft = Draft(start, end, name, raw[at : reader.at - 1], notes=notes)
        return Drafts([with_types(draft, as_written(value) if typed else read, read)])

    def _guessed(self, text: str) -> dict[str, Any]:
        """Read a broken call's fields by their names alone: what is between two is a value."""
        fields = list(self.field.finditer(text))
        ends = [*(field.start() for field in fields[1:]), len(text)][: len(fields)]
        found: dict[str, Any] = {}
        for field, stop in zip(fields, ends, strict=True):
            value = text[field.end() : stop]
            whole, mark, _ = value.rpartition(self.quote)
            value = whole if mark else value.rstrip("}]), \n")
            value = value if field["mark"] else as_written(Bare(value.strip()))
            found[field["key"]] = value.replace(self.quote, "") if isinstance(value, str) else value
        return found

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
        self.quoted = False
        """A string stood in JSON's quotes."""

    def fields(self, depth: int) -> dict[str, Any]:
        """Read the fields up to the closing bracket."""
        found: dict[str, Any] = {}
        while self._char(_SPACE) not in ("", "}", ")"):
            if self.raw.startswith(self.form.quote, self.at):
                key = self.string()
            elif self.raw[self.at] == '"' and (written := self._json_string(":")):
                key = written
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
                raise Unreadable(_BEHIND_STRING, self.at)
            return value
        if first and first in "{[":
            self.at += 1
            return self.fields(depth + 1) if first == "{" else self.items(depth + 1)
        if first == '"' and (written := self._json_string(",}])")) is not None:
            return written
        begin, self.at = self.at, end_of(_BARE, self.raw, self.at)
        text = self.raw[begin : self.at].strip()
        if not text:
            raise Unreadable("a value is missing", self.at)
        return self.form.bare(text, None) if self.form.strings else Bare(text)

    def _json_string(self, behind: str) -> str | None:
        """Read a string as JSON writes it, where one of these characters follows it; a model slips
        into JSON here.
        """
        found = read_value(self.raw, self.at)
        if found is None or not isinstance(found[0], str):
            return None
        end = end_of(_SPACES, self.raw, found[1])
        if self.raw[end : end + 1] not in behind:
            return None
        self.at, self.quoted = end, True
        return found[0]

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
