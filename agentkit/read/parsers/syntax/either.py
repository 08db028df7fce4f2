"""A format whose calls come in one of two forms."""

from __future__ import annotations

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.parsers.call_parser import Ending, Format
from agentkit.read.parsers.output import Found
from agentkit.read.parsers.scanner import Reading, Scanner


class Either(Format):
    """The calls of two formats between the markers of the first."""

    only_inside = True

    def __init__(self, first: Format, second: Format) -> None:
        self.first, self.second = first, second
        self.opens, self.closes, self.calls = (
            first.opens,
            first.closes,
            (*first.calls, *second.calls),
        )
        self.prepare()

    def _of(self, text: str, at: int) -> Format:
        return self.first if text.startswith(self.first.calls, at) else self.second

    def region(self, s: Scanner) -> Reading[Ending]:
        return (yield from self._of(s.text, s.at).region(s))

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Found | None:
        return self._of(raw, 0).read(raw, start, ending, tools)
