"""Calls written as Python: `[N(k=v), M()]` as the whole text or between markers, or one a line
between markers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.parsers.call_parser import Ending, Format
from agentkit.read.parsers.literals.python_text import PythonCall, read_call
from agentkit.read.parsers.output import Draft, Drafts, broken, truncated
from agentkit.read.parsers.scanner import Scanner, end_of
from agentkit.read.parsers.syntax.json_calls import marked_end

_BESIDE = re.compile(r"[\s,\[\]]*+")
_BETWEEN = re.compile(r"[,\n]\s*+((?=[^\W\d][\w.\-]*+\())?+")
"""What may be between two calls, and whether one follows."""


@dataclass(eq=False, kw_only=True)
class PythonCalls(Format):
    """Calls between markers; a call list without a marker before it is the whole text."""

    loose: bool = False
    """Line ends inside strings and leading zeros are read too."""

    def region(self, s: Scanner) -> Ending:
        if s.text[s.at] != "[":
            s.at += end_of(self.everywhere.regex, s.text, s.at) - s.at
            return marked_end(s, self.stops, self.end_markers, "\"'")
        following = "["
        while following == "[":
            if not (s.skip_value(self.stops, "'(")):
                return "cut" if s.finished else "next"
            following = s.skip_space()
        return "next" if following else "end"

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Drafts | None:
        opening = 0 if raw[0] == "[" else end_of(self.everywhere.regex, raw, 0)
        if not opening and ending == "next":
            return None
        end = len(raw)
        if opening and ending == "end":
            end -= next((len(m) for m in self.ends if raw.endswith(m)), 0)
        elif opening:
            end -= self.end_markers.partial(raw)
        drafts, left = self._calls(raw, opening, end, start, ending)
        if not any(draft.whole for draft in drafts) and (not opening or ending != "end"):
            return Drafts(drafts) if drafts and ending == "cut" else None
        if not drafts:
            text, why = raw[opening:end].strip(), "there is no call"
            return Drafts([broken(start, start + len(raw), None, text, why, start + opening)])
        if len(drafts) == 1 and not left and drafts[0].whole:
            drafts[0].start, drafts[0].end = start, start + len(raw)
        return Drafts(drafts, tuple(left))

    def _calls(
        self, raw: str, at: int, end: int, start: int, ending: Ending
    ) -> tuple[list[Draft], list[tuple[int, int]]]:
        drafts: list[Draft] = []
        left = []
        while (at := end_of(_BESIDE, raw, at)) < end:
            found = read_call(raw, at, self.loose)
            if found and found.arguments is not None:
                text = raw[found.open + 1 : found.end - 1]
                drafts.append(Draft(start + found.start, start + found.end, found.name, text))
                drafts[-1].value = found.arguments
                at = found.end
                continue
            between = _BETWEEN.finditer(raw, found.end if found else at, end)
            rest = next((beside.start() for beside in between if beside[1] is not None), end)
            if found is None:
                left.append((start + at, start + rest))
                at = rest
                continue
            drafts.append(self._broken(found, raw, rest, start, ending))
            at = rest
        return drafts, left

    def _broken(self, found: PythonCall, raw: str, rest: int, start: int, ending: Ending) -> Draft:
        text = raw[found.open + 1 : rest].rstrip()
        begin, end = start + found.start, start + rest
        if ending == "cut" and rest == len(raw):
            return truncated(begin, end, found.name, text)
        return broken(begin, end, found.name, text, found.fault, start + found.end)
