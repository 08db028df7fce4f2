"""Calls whose name comes before their arguments, which are JSON: `N<sep>A`, in special tokens or
behind `[TOOL_CALLS]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_name import read_name
from agentkit.read.parsers.call_parser import Ending, Format
from agentkit.read.parsers.literals.coercion import coerce_fields
from agentkit.read.parsers.literals.json_text import balanced_end, read_value
from agentkit.read.parsers.output import Draft, Drafts, nameless, truncated, with_types
from agentkit.read.parsers.scanner import Markers, Scanner
from agentkit.read.parsers.syntax.json_calls import JsonCalls, marked_end


@dataclass(eq=False, kw_only=True)
class NamedCalls(Format):
    """A call is a marker, a head with the name, JSON, and an end marker."""

    head: re.Pattern[str]
    """What is between the marker and the JSON; groups `name` and, where the format has ids,
    `id`.
    """
    cut_head: re.Pattern[str]
    """The head as far as its name, which something follows."""
    tail: str = ""
    """What is between the JSON and the end marker."""
    only_inside: bool = True
    coerce: bool = False
    """Values are read by the tool's schema, although JSON has types."""

    def region(self, s: Scanner) -> Ending:
        s.at += len(self.calls[0])
        return marked_end(s, self.stops, self.end_markers)

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Drafts | None:
        end = start + len(raw)
        head = self.head.match(raw)
        if head is None:
            if ending != "cut":
                return Drafts([nameless(start, end, raw)])
            named = self.cut_head.match(raw)
            return Drafts([truncated(start, end, named["name"].strip() if named else None, "")])
        name = head["name"].strip()
        if ending == "end":
            close = next(
                len(marker) for marker in self.end_markers.literals if raw.endswith(marker)
            )
            text = raw[head.end() : -close].rstrip()
            text = text.removesuffix(self.tail).strip() if self.tail else text.strip()
        else:
            found = self._complete(raw, head.end())
            if found is None:
                return Drafts([truncated(start, end, name, raw[head.end() :].strip())])
            text = found
        draft = Draft(start, end, name, text, id=head.groupdict().get("id"))
        return Drafts([with_schema(draft, tools, self.coerce)])

    def _complete(self, raw: str, at: int) -> str | None:
        """Find the arguments where they are complete and only what ends the call is cut off."""
        value = read_value(raw, at)
        if value is None:
            return None
        rest = "".join(raw[value[1] :].split())
        return (
            raw[at : value[1]].strip()
            if any((self.tail + end).startswith(rest) for end in self.ends)
            else None
        )


def with_schema(draft: Draft, tools: KnownTools, coerce: bool) -> Draft:
    """Give the draft values as the tool's schema wants them, where the format reads them so.

    Args:
        draft: the call.
        tools: the tools that may be called.
        coerce: whether the format reads values by the schema.
    """
    value = read_value(draft.arguments or "", 0) if coerce else None
    if value and isinstance(value[0], dict) and not (draft.arguments or "")[value[1] :].strip():
        coerced = coerce_fields(value[0], tools.parameters(read_name(draft.name, tools)[0]))
        if coerced is not value[0]:
            return with_types(draft, value[0], coerced)
    return draft


_NAME = re.compile(
    r"\s*+(?P<name>[^\[{<\s][^\[{<]*+)(?:\[CALL_ID\](?P<id>[^\[{<]*+))?+(?:\[ARGS\])?+"
)


class MistralCalls(JsonCalls):
    """`[TOOL_CALLS] [{"name", "arguments"}, …]`, and `[TOOL_CALLS]N[ARGS]A` or `[TOOL_CALLS]NA`, an
    id between them or not.
    """

    named_by_schema = True
    """Values of the second form are read by the tool's schema."""

    def region(self, s: Scanner) -> Ending:
        marker = self.calls[0]
        s.at += len(marker)
        first = s.skip_space()
        if first and first not in "[{":
            found = s.seek(_BEFORE_ARGUMENTS)
            while found and found.group() in ("[ARGS]", "[CALL_ID]"):
                s.at = found.end()
                if found.group() == "[ARGS]":
                    break
                found = s.seek(_BEFORE_ARGUMENTS)
            if found is None or found.group() == marker:
                return "cut" if found is None else "next"
        whole = s.skip_value(self.stops, "'")
        s.skip_brackets()
        return "end" if whole else "cut" if s.finished else "next"

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Drafts | None:
        head = _NAME.match(raw, len(self.calls[0]))
        if head is None:
            return super().read(raw, start, ending, tools)
        text = raw[head.end() :].strip()
        end = start + len(raw)
        name = head["name"].strip().rstrip("(")
        if not text or (ending != "end" and balanced_end(text, 0) is None):
            prose = not text and len(name.split()) > 1
            return None if prose else Drafts([truncated(start, end, name, text)])
        value = read_value(text, 0)
        draft = Draft(
            start,
            end,
            name,
            text[: value[1]] if value else text,
            id=(head["id"] or "").strip() or None,
        )
        return Drafts([with_schema(draft, tools, self.named_by_schema)])


_BEFORE_ARGUMENTS = Markers(("[ARGS]", "[CALL_ID]", "[TOOL_CALLS]", "{"))
