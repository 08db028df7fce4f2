"""What a reading collects: content with its places, calls, and the pieces to show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_call import settle_ids
from agentkit.read.parsers.draft import Draft, to_call
from agentkit.read.parsers.parsed import Parsed, Piece
from agentkit.read.parsers.scanner import Slice, Tokens
from agentkit.types.answer import Policy, ToolCall
from agentkit.types.problem import problem

_SPACES = re.compile(r"\s++")
_SEPARATORS = re.compile(r"[\s;]*+\Z")


class Found(NamedTuple):
    """What a region of the text holds."""

    drafts: list[Draft]
    left: tuple[tuple[int, int], ...] = ()
    """The spans of other text in it, which is content."""


class Output:
    """Collects what a format reads: content, calls, and the pieces to show."""

    def __init__(self, tools: KnownTools, policy: Policy, origin: str, trims: str) -> None:
        self.tools, self.policy, self.origin, self.trims = tools, policy, origin, trims
        self.content: list[Slice] = []
        self.calls: list[ToolCall] = []
        self.pieces: list[Piece] = []
        self.held: list[Slice] = []
        """Markers and white space that are dropped where a call stands beside them, and are content
        where none does.
        """
        self.silent = False
        """What is read is not content: a message that is not to the user."""
        self.after_call = False
        """Nothing but separators stands between the last call and here."""
        self.called = False
        """A call was taken out of the text."""
        self._tail, self._tailed = "", 0

    def text(self, at: int, text: str) -> None:
        """Text that stands at this place of the whole text."""
        if not text or self.silent:
            return
        if self.after_call or self.held:
            if _SEPARATORS.match(text):
                self.held.append((at, text))
                return
            self.release()
        self._show(at, text)

    def last(self, at: int, text: str, closing: Tokens) -> None:
        """The end of the text; a part of a closing marker, right behind a call, is dropped."""
        end = len(text) - closing.partial(text)
        self.text(at, text[:end])
        if not self.after_call:
            self.text(at + end, text[end:])

    def stands_behind(self, texts: tuple[str, ...]) -> bool:
        """Whether one of these texts, or nothing, stands before the place that is read, white space
        left out.
        """
        new = "".join(text for _, text in (*self.content[self._tailed :], *self.held))
        self._tailed = len(self.content)
        self._tail = _SPACES.sub(" ", self._tail + new)[-64:]
        return not self._tail.strip() or self._tail.rstrip().endswith(texts)

    def opened(self, at: int, marker: str) -> None:
        """A marker that belongs to the calls that follow it."""
        self.held.append((at, marker))

    def closed(self, at: int, marker: str) -> None:
        """A marker that belongs to the calls before it; with nothing but white space between the
        two markers both are dropped.
        """
        if self.after_call or self.held:
            self.held.clear()
        else:
            self._show(at, marker)

    def release(self) -> None:
        """Turns what is held into content."""
        for at, text in self.held:
            self._show(at, text)
        self.held.clear()
        self.after_call = False

    def _show(self, at: int, text: str) -> None:
        self.content.append((at, text))
        self.pieces.append(Piece("content", text))

    def region(self, found: Found | None, raw: str, start: int) -> None:
        """What one region of the text holds; text of calls that are broken stays in the content."""
        left = list(found.left) if found else []
        taken = False
        for draft in found.drafts if found else ():
            call = to_call(draft, len(self.calls), self.tools, self.policy, self.origin)
            self.calls.append(call)
            self.pieces.append(Piece("call", call.raw_arguments, call))
            if draft.whole or call.valid:
                taken = True
            else:
                left.append((draft.start, draft.end))
        if taken:
            self.held.clear()
            self.called = self.after_call = True
            for begins, ends in sorted(left):
                self.text(begins, raw[begins - start : ends - start])
        else:
            self.release()
            self._show(start, raw)

    def parsed(self, markers: tuple[str, ...]) -> Parsed:
        """The result; a problem says where a marker of the format is left in the content and no
        broken call explains it.
        """
        if not self.after_call:
            self.release()
        if self.called:
            self._trim()
        content = "".join(text for _, text in self.content)
        leaked = (
            next((m for m in markers if m in content), None)
            if all(call.status != "invalid" for call in self.calls)
            else None
        )
        problems = (
            (
                problem(
                    "markup_leak",
                    f"the content holds {leaked!r}, which belongs to no call",
                    before=content,
                ),
            )
            if leaked
            else ()
        )
        if not content or (self.called and not content.strip()):
            return Parsed(content=None, tool_calls=settle_ids(self.calls), problems=problems)
        return Parsed(
            content=content,
            tool_calls=settle_ids(self.calls),
            kept=tuple(self._kept()),
            problems=problems,
        )

    def _trim(self) -> None:
        """Takes the white space that does not count off both ends of the content."""
        first, last = 0, len(self.content)
        while first < last and not self.content[first][1].strip(self.trims):
            first += 1
        while first < last and not self.content[last - 1][1].strip(self.trims):
            last -= 1
        del self.content[last:], self.content[:first]
        if self.content:
            at, text = self.content[0]
            self.content[0] = (
                at + len(text) - len(text.lstrip(self.trims)),
                text.lstrip(self.trims),
            )
            at, text = self.content[-1]
            self.content[-1] = (at, text.rstrip(self.trims))

    def _kept(self) -> Iterator[tuple[int, int]]:
        start = end = 0
        for at, text in self.content:
            if at != end:
                if end > start:
                    yield start, end
                start = at
            end = at + len(text)
        if end > start:
            yield start, end
