"""Raw model text to reasoning and content, as vLLM's and SGLang's reasoning parsers split it, each
described as data.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from agentkit.errors import checked_keywords
from agentkit.read.parsers.call_parser import check_text

Split = tuple[str, str]


class Reading(ABC):
    """How one server's parser splits a text."""

    @abstractmethod
    def split(self, text: str) -> Split:
        """Split a text into reasoning and content, "" where there is none."""


@dataclass(frozen=True, kw_only=True)
class Blocks(Reading):
    """Markers switch between reasoning and content for the whole text; a marker that changes
    nothing is dropped.
    """

    start: str = "<think>"
    end: str = "</think>"
    thinking: bool = True
    """The text starts inside reasoning."""
    reopens: bool = False
    """A start marker in the content opens reasoning again; else it is text."""
    tools: tuple[str, ...] = ()
    """Markers of calls: they end reasoning and are content."""
    drops: tuple[str, ...] = ()
    """Markers that belong to neither."""
    shared: bool = False
    """The end marker ends calls too, and is theirs then."""
    strips: bool = True
    """White space at the end of reasoning is not part of it."""
    orphan: bool = False
    """Text before an end marker that nothing opened is reasoning."""
    label: str = ""
    """What the reasoning starts with, and is not part of it."""
    trims: str = ""
    """Characters that content does not start with."""
    final: bool = False
    """White space around the content is not part of it."""

    def split(self, text: str) -> Split:
        parts: tuple[list[str], list[str]] = ([], [])
        inside, calling = self.thinking, False
        at = 0
        either = "|".join(re.escape(m) for m in (self.start, self.end, *self.tools, *self.drops))
        for found in re.finditer(either, text):
            parts[not inside].append(text[at : found.start()])
            at = found.end()
            marker = found.group()
            if marker in self.tools or (calling and marker == self.end):
                inside, calling = False, self.shared and not calling
                parts[1].append(marker)
            elif marker == self.end:
                if self.orphan and not inside and not parts[0]:
                    parts[0].extend(parts[1])
                    parts[1].clear()
                inside = False
            elif marker == self.start and not inside and not self.reopens:
                parts[1].append(marker)
            elif marker == self.start:
                inside = True
        parts[not inside].append(text[at:])
        reasoning, content = ("".join(part) for part in parts)
        reasoning = reasoning.removeprefix(self.label)
        content = content.strip() if self.final else content
        return reasoning.rstrip() if self.strips else reasoning, content.lstrip(
            self.trims
        ) if self.trims else content


@dataclass(frozen=True, kw_only=True)
class Once(Reading):
    """Reasoning ends at the first end marker; what follows is content, other markers and all."""

    start: tuple[str, ...] = ("<think>",)
    end: tuple[str, ...] = ("</think>",)
    forced: bool = True
    """There is reasoning although no start marker is there."""
    begins: Literal["behind", "leading", "first", "whole"] = "leading"
    """Where it starts: behind the first start marker, behind those the text starts with, behind one
    such, or with the text.
    """
    before: bool = False
    """Text before the start marker is content."""
    unclosed: Literal["reasoning", "content", "text"] = "reasoning"
    """What is left without an end marker is: reasoning, content, or content start marker and
    all.
    """
    tools: tuple[str, ...] = ()
    """Markers of calls: without an end marker, content starts with them."""
    tools_first: bool = False
    """They do so before an end marker too."""
    stray: bool = False
    """An end marker at the start of a text without a start marker is dropped."""
    either: bool = False
    """A text with neither marker is content."""
    trims: str = ""
    """Characters that content does not start with."""
    wrapped: tuple[str, str] = ("", "")
    """Markers around the content."""
    drops: tuple[str, ...] = ()
    """Markers that are not content."""
    swaps: bool = False
    """Reasoning with nothing behind it is content."""

    def split(self, text: str) -> Split:
        reasoning, content = self._split(text)
        return ("", reasoning) if self.swaps and not content else (reasoning, content)

    def _split(self, text: str) -> Split:
        opened = _first(text, self.start)
        if opened is None and self.stray and text.lstrip().startswith(self.end):
            return "", text.lstrip()[len(self.end[0]) :]
        if opened is None and (not self.forced or (self.either and _first(text, self.end) is None)):
            return "", text
        before, body = self._body(text, opened)
        closed = _first(body, self.end)
        tool = _first(body, self.tools)
        if tool and (closed is None or (self.tools_first and tool[0] < closed[0])):
            return body[: tool[0]], self._content(body[tool[0] :])
        if closed is None:
            return (
                (body, before)
                if self.unclosed == "reasoning"
                else ("", text if self.unclosed == "text" else body)
            )
        return body[: closed[0]], before + self._content(body[closed[1] :])

    def _body(self, text: str, opened: tuple[int, int] | None) -> tuple[str, str]:
        """Split a text into what is before the reasoning and is content, and the rest from the
        reasoning on.
        """
        if self.begins == "behind" and opened:
            return text[: opened[0]] if self.before else "", text[opened[1] :]
        most = {"leading": -1, "first": 1}.get(self.begins, 0)
        at = 0
        while most and text.startswith(self.start, at):
            at += next(len(marker) for marker in self.start if text.startswith(marker, at))
            most -= 1
        return "", text[at:]

    def _content(self, content: str) -> str:
        opening, closing = self.wrapped
        if closing and opening in content and content.rfind(closing) > content.find(opening):
            content = content[content.find(opening) + len(opening) : content.rfind(closing)]
        for marker in self.drops:
            content = content.replace(marker, "")
        return content.lstrip(self.trims) if self.trims else content


def _first(text: str, markers: tuple[str, ...]) -> tuple[int, int] | None:
    """Find start and end of the first of these markers."""
    return min(
        ((at, at + len(marker)) for marker in markers if (at := text.find(marker)) >= 0),
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class Pairs(Reading):
    """Every closed pair of markers holds reasoning, an unclosed one at the end too; everything else
    is content.
    """

    start: str
    end: str

    def split(self, text: str) -> Split:
        parts: tuple[list[str], list[str]] = ([], [])
        at = 0
        while (opened := text.find(self.start, at)) >= 0:
            parts[1].append(text[at:opened])
            begin = opened + len(self.start)
            closed = text.find(self.end, begin)
            at = len(text) if closed < 0 else closed + len(self.end)
            parts[0].append(text[begin : at if closed < 0 else closed])
        return "".join(parts[0]), "".join(parts[1]) + text[at:]


@dataclass(frozen=True, kw_only=True)
class Messages(Reading):
    """Messages with a header each; the header tells reasoning from content. Messages to tools stay
    whole in the content.
    """

    header: re.Pattern[str]
    """Groups `to` and `channel`, either of which may be missing."""
    reasoning: frozenset[str]
    """Recipients and channels of reasoning; "" for a header that names none."""
    content: frozenset[str]
    ends: re.Pattern[str]
    outside: bool = False
    """Text outside of all messages is content, where there are messages."""
    joined: str = "\n"
    """What is put between two messages of reasoning."""
    nested: bool = True
    """A header inside a message is text; else it ends the message."""

    def split(self, text: str) -> Split:
        found = self.header.search(text)
        if found is None:
            return "", text
        parts: tuple[list[str], list[str]] = ([], [])
        at = 0
        while found:
            parts[1].append(self._outside(text[at : found.start()]))
            end, at = self._end(text, found.end())
            to = found["to"] or found["channel"] or ""
            body = text[found.end() : end]
            if to in self.reasoning:
                parts[0].append(body)
            else:
                parts[1].append(body if to in self.content else text[found.start() : at])
            found = self.header.search(text, at)
        return self.joined.join(parts[0]), "".join(parts[1]) + self._outside(text[at:])

    def _end(self, text: str, at: int) -> tuple[int, int]:
        """Find where a message ends, and where the text goes on behind it."""
        following = None if self.nested else self.header.search(text, at)
        limit = following.start() if following else len(text)
        ended = self.ends.search(text, at, limit)
        return (ended.start(), ended.end()) if ended else (limit, limit)

    def _outside(self, text: str) -> str:
        return self.ends.sub("", text) if self.outside else ""


@dataclass(frozen=True, kw_only=True)
class Marked(Reading):
    """No reasoning is split off; the start marker, which the prompt held, is put before the
    text.
    """

    start: str = "<think>"

    def split(self, text: str) -> Split:
        return "", self.start + text


@checked_keywords
class ReasoningParser:
    """A reasoning parser: raw text of a model to its reasoning and the rest. Pure; never raises on
    any text.
    """

    def __init__(self, name: str, reading: Reading) -> None:
        self.name = name
        self.reading = reading

    def parse(self, text: str) -> tuple[str | None, str | None]:
        """Split a text into reasoning and content, None where there is none; calls and their markup
        are part of the content.

        Raises:
            UsageError: it is no text.
        """
        check_text(text)
        reasoning, content = self.reading.split(text)
        return reasoning or None, content or None

    def __repr__(self) -> str:
        return f"<ReasoningParser {self.name}>"
