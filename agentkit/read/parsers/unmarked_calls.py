"""Calls of known tools that a model wrote without any format's markers: JSON objects among prose or
in a code fence, `name(key=value)` on a line of its own, `functions.name:0{…}`.

Only to be listed, never to be run: a text that explains a tool is written the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.parsers.literals.coercion import as_written, fields_of
from agentkit.read.parsers.literals.json_text import Object, read_object, read_value
from agentkit.read.parsers.literals.python_text import Unreadable, read_call
from agentkit.read.parsers.scanner import end_of
from agentkit.read.parsers.syntax.brace_calls import BraceCalls, BraceReader

_NAMES = ("name", "tool", "tool_name", "function", "function_name", "recipient_name", "action")
_ARGUMENTS = (
    *("arguments", "parameters", "args", "input", "tool_input", "action_input", "kwargs"),
    *("tool_args", "tool_arguments", "params"),
)
_WRAPPERS = ("function", "tool_call", "function_call", "tool_calls", "tool_uses", "calls")
_BESIDE = frozenset(("id", "type", "call_id", "tool_call_id", "index", "role", "content"))
_OBJECT = r'\{\s*+"[^"\\\n]{0,80}+"\s*+:'
_FILLER = re.compile(r"(?:[\s,;\[\]]|print\(|default_api\.|functions\.|[)])*+")
"""What may be beside the calls of a code fence; markup that stands in one is only shown."""
_TICKS = re.compile("`+")
_LABEL = re.compile(
    r"`{3,}[ \t]*+(?:json\w*|tool_\w+|function_\w+|python|py|text|plaintext|txt)?+"
    r"[ \t]*+(?:\n|(?=[\[{]))"
)
_LINE_END = re.compile(r"[ \t]*+\)?+[ \t;,.`]*+(?:</\w{1,40}>[ \t]*+)?+(?:\n|\Z)")
_GEMMA = BraceCalls(calls=("<|tool_call>",), ends=("<tool_call|>",), quote='<|"|>')
_LONGEST_LINE = 20_000
_PATIENCE = 100_000


class Unmarked(NamedTuple):
    """A call and where it is."""

    start: int
    end: int
    name: str
    arguments: str
    """Their JSON text."""
    syntax: str
    """`json`, `python` or `braces`."""


def unmarked_calls(
    text: str, code: list[tuple[int, int]], tools: KnownTools
) -> tuple[Unmarked, ...]:
    """Find the calls of known tools in a text.

    Args:
        text: what the model wrote, think blocks blanked.
        code: the regions of code in it; one counts where it holds calls and nothing else.
        tools: the tools that are known.
    """
    names = [name for name in tools if isinstance(name, str) and name and name in text]
    if not names:
        return ()
    found = tuple(_TextSearch(text, names, tools).calls())
    if not code or not found:
        return found
    kept: list[Unmarked] = []
    at = 0
    for start, end in code:
        while at < len(found) and found[at].end <= start:
            kept.append(found[at])
            at += 1
        inside = at
        while at < len(found) and found[at].start < end:
            at += 1
        if _only_calls(text, start, end, found[inside:at]):
            kept.extend(found[inside:at])
    return (*kept, *found[at:])


def _only_calls(text: str, start: int, end: int, calls: tuple[Unmarked, ...]) -> bool:
    """Return whether a region of code holds nothing but these calls, and, where it is inline, is a
    line of its own.
    """
    if not calls:
        return False
    label = _LABEL.match(text, start, end)
    if label is None:
        line = text[text.rfind("\n", 0, start) + 1 : start] + text[end:].partition("\n")[0]
        if line.strip(" \t.;:*-") or text.startswith("```", start):
            return False
    at = label.end() if label else end_of(_TICKS, text, start)
    for call in calls:
        if call.start > at and end_of(_FILLER, text, at) < call.start:
            return False
        at = max(at, call.end)
    return not text[end_of(_FILLER, text, at) : end].strip("` \n\t")


class _TextSearch:
    """One pass over a text; what is read in vain is bounded, so that it stays linear."""

    def __init__(self, text: str, names: list[str], tools: KnownTools) -> None:
        self.text, self.tools = text, tools
        self.patience = _PATIENCE + 2 * len(text)
        either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        self.begins = re.compile(
            rf"(?P<object>{_OBJECT})"
            rf"|(?<![\w.\"'])(?:call:|functions?\.)?+(?P<named>{either})(?::\d++)?+"
            rf"(?:\s|<\|\w{{1,40}}\|>|json|code|commentary|```(?:json)?+\n){{0,8}}+(?=\{{)"
            rf"|^[ \t>*`-]*+(?:<\w{{1,40}}>)?+(?:print\()?+(?:(?:functions?|default_api|tools)\.)?+"
            rf"(?P<called>(?:{either})\()",
            re.MULTILINE,
        )

    def calls(self) -> Iterator[Unmarked]:
        at = 0
        while self.patience > 0 and (begun := self.begins.search(self.text, at)):
            at = begun.end()
            if begun["object"]:
                found = read_object(self.text, begun.start())
                if found is None:
                    self.patience -= len(self.text) - begun.start()
                    continue
                yield from self._of_object(found, begun.start(), found.end)
                at = found.end
                continue
            call = self._named(begun) if begun["named"] else self._called(begun)
            if call is not None:
                yield call
                at = call.end

    def _of_object(self, found: Object, start: int, end: int) -> Iterator[Unmarked]:
        """Find the calls an object is, or wraps."""
        members = found.members
        inner = next((key for key in _WRAPPERS if key in members and _is_inner(members[key])), None)
        if inner and set(members) - {inner} <= _BESIDE:
            yield from self._of_inner(members[inner].start, start, end)
            return
        name = next((key for key in _NAMES if key in members), None)
        given = next((key for key in _ARGUMENTS if key in members), None)
        if name is None or given is None or set(members) - {name, given} > _BESIDE:
            return
        if set(members) - {name, given} - _BESIDE:
            return
        tool, member = members[name].value, members[given]
        value = member.value
        if isinstance(value, str):
            decoded = read_value(value, 0)
            value = decoded[0] if decoded and not value[decoded[1] :].strip() else None
        if isinstance(tool, str) and self._is_call(tool, value):
            text = self.text[member.start : member.end]
            text = text if isinstance(member.value, dict) else member.value
            yield Unmarked(start, end, tool, text, "json")

    def _of_inner(self, at: int, start: int, end: int) -> Iterator[Unmarked]:
        """Find the calls in an object, or in a list of them, which another object holds."""
        if self.text[at] == "{":
            inner = read_object(self.text, at)
            if inner is not None:
                yield from self._of_object(inner, start, end)
            return
        at += 1
        while (at := end_of(_SEPARATORS, self.text, at)) < end and self.text[at] == "{":
            inner = read_object(self.text, at)
            if inner is None:
                return
            yield from self._of_object(inner, at, inner.end)
            at = inner.end

    def _named(self, begun: re.Match[str]) -> Unmarked | None:
        at = begun.end()
        found = read_object(self.text, at)
        if found is None:
            return self._bare_keys(begun, at)
        value = {key: member.value for key, member in found.members.items()}
        if not self._fits(begun["named"], value):
            return None
        return Unmarked(begun.start(), found.end, begun["named"], self.text[at : found.end], "json")

    def _bare_keys(self, begun: re.Match[str], at: int) -> Unmarked | None:
        """Read Gemma's `name{key:<|"|>text<|"|>}` whose own markers are missing."""
        reader = BraceReader(self.text, at + 1, _GEMMA)
        try:
            value = as_written(reader.fields(0))
        except Unreadable:
            value = {}
        marked = _GEMMA.quote in self.text[at : reader.at]
        if not value or not marked or not self._fits(begun["named"], value):
            self.patience -= len(self.text) - at
            return None
        arguments = json.dumps(value, ensure_ascii=False)
        return Unmarked(begun.start(), reader.at, begun["named"], arguments, "braces")

    def _called(self, begun: re.Match[str]) -> Unmarked | None:
        """Read `name(key=value)` or `name({…})` where it is a line of its own."""
        start, name = begun.start("called"), begun["called"][:-1]
        found = read_object(self.text, begun.end()) if self.text[begun.end() :][:1] == "{" else None
        if found and self.text[found.end : found.end + 1] == ")":
            end, arguments = found.end + 1, self.text[begun.end() : found.end]
            value: dict[str, Any] = {key: m.value for key, m in found.members.items()}
        else:
            line = self.text[start : start + _LONGEST_LINE]
            call = read_call(line, 0)
            if call is None or call.arguments is None or call.name != name:
                self.patience -= len(line)
                return None
            end, value = start + call.end, call.arguments
            arguments = line[call.open + 1 : call.end - 1]
        if not _LINE_END.match(self.text, end) or not self._fits(name, value):
            return None
        if found is None:
            arguments = json.dumps(value, ensure_ascii=False)
        return Unmarked(start, end, name, arguments, "python")

    def _fits(self, name: str, arguments: Mapping[str, Any]) -> bool:
        """Return whether arguments without keys that tell them are ones the tool may have."""
        parameters = self.tools.parameters(name)
        fields = fields_of(parameters)
        required = (parameters or {}).get("required")
        lacks = not arguments and bool(required or parameters is None)
        return not lacks and (not fields or set(arguments) <= set(fields))

    def _is_call(self, name: str, arguments: Any) -> bool:
        bare = name.removeprefix("functions.").removeprefix("default_api.")
        if not isinstance(arguments, dict) or not (name in self.tools or bare in self.tools):
            return False
        fields = fields_of(self.tools.parameters(bare))
        describes = isinstance(arguments.get("properties"), dict) and "properties" not in fields
        return not describes


_SEPARATORS = re.compile(r"[\s,]*+")


def _is_inner(member: Any) -> bool:
    return isinstance(member.value, (dict, list)) and bool(member.value)
