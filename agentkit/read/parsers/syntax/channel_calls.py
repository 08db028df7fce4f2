"""Formats whose text is a sequence of messages with a recipient or a channel each: harmony
(gpt-oss), and Muse.

A message to a tool is a call, one to the user is content; reasoning has a message of its own and is
not content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.parsers.call_parser import Ending, Format, read_region, read_text
from agentkit.read.parsers.draft import Draft, to_call, truncated
from agentkit.read.parsers.literals.json_text import read_value
from agentkit.read.parsers.output import Found, Output
from agentkit.read.parsers.scanner import Reading, Scanner, Tokens
from agentkit.read.parsers.syntax.json_calls import marked_end
from agentkit.read.parsers.syntax.tag_calls import TagCalls

_RECIPIENT = re.compile(r"(?:^|[\s>])to=(?:functions\.)?+(?P<name>[^\s<]++)")
_BUILT_IN = ("python", "browser", "container")
_CHANNEL = re.compile(r"<\|channel\|>\s*+(?P<name>\w*+)")


@dataclass(eq=False, kw_only=True)
class Harmony(Format):
    """`<|start|>assistant<|channel|>commentary to=functions.N
    <|constrain|>json<|message|>A<|call|>`; the first header may be cut short.
    """

    calls: tuple[str, ...] = ("<|start|>", "<|channel|>")
    drops: tuple[str, ...] = ("<|call|>", "<|end|>", "<|return|>")
    stops: Tokens = field(init=False)
    header: Tokens = field(init=False)
    ends: Tokens = field(init=False)

    def __post_init__(self) -> None:
        self.prepare()
        self.stops, self.ends = Tokens((*self.drops, *self.calls)), Tokens(self.drops)
        self.header = Tokens(("<|message|>", "<|start|>", *self.drops))

    @property
    def markers(self) -> tuple[str, ...]:
        return ("<|channel|>commentary to=", "<|channel|>analysis to=", "to=functions.")

    def region(self, s: Scanner) -> Reading[Ending]:
        """A message to a tool to its end; any other message's header."""
        s.at += next(len(call) for call in self.calls if s.text.startswith(call, s.at))
        found = yield from s.seek(self.header)
        if found is None or found.group() != "<|message|>":
            return "next"
        s.at += len("<|message|>")
        if not _RECIPIENT.search(s.marked()):
            return "next"
        return (yield from marked_end(s, self.stops, self.ends))

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Found | None:
        header, message, body = raw.partition("<|message|>")
        name = _RECIPIENT.search(header)
        if (
            name is None
            or not message
            or (name["name"].partition(".")[0] in _BUILT_IN and name["name"] not in tools)
        ):
            return None
        end = start + len(raw)
        text = (
            body
            if ending != "end"
            else next(body.removesuffix(marker) for marker in self.drops if body.endswith(marker))
        )
        value = read_value(text, 0)
        rest = text[value[1] :].strip() if value else text
        if ending == "cut" and (value is None or (rest and not self.ends.partial(rest))):
            return Found([truncated(start, end, name["name"], text.strip())])
        arguments = text[: value[1]] if value and ending == "cut" else text
        return Found([Draft(start, end, name["name"], arguments.strip())])

    def run(self, s: Scanner, out: Output) -> Reading[None]:
        while (found := (yield from read_text(s, out, self.everywhere, self.closers))) is not None:
            out.silent = False
            if found in self.drops:
                s.at += len(found)
                continue
            raw, start, ending = yield from read_region(self, s, out)
            calls = self.read(raw, start, ending, out.tools)
            if calls or "<|message|>" not in raw:
                out.region(calls, raw, start)
            else:
                channel = _CHANNEL.search(raw)
                out.silent = channel is not None and channel["name"] == "analysis"


_TO = re.compile(r"[^\S\n]*+to=(?P<name>[A-Za-z0-9_.\-]{1,200}+)\Z")
_MAY_BE_TO = re.compile(r"[^\S\n]*+(?:t(?:o(?:=[A-Za-z0-9_.\-]{0,200}+)?+)?+)?+\Z")


class Muse(TagCalls):
    """` to=N<|message|><atem:function_calls>…<|eot|>`, messages between `<|start|>assistant` and
    `<|eom|>` or `<|eot|>`.
    """

    frame = ("<|start|>", "<|message|>", "<|eom|>", "<|eot|>")
    drops = frame

    def run(self, s: Scanner, out: Output) -> Reading[None]:
        framed, to, began = False, "", 0
        while found := (yield from self._text(s, out)):
            marker, named = found
            if marker == "<|start|>":
                named = yield from self._header(s, out)
            elif marker in self.frame:
                s.at += len(marker)
            if marker in self.frame:
                framed |= marker == "<|message|>" or named is not None
                to, began = named or "", s.position
                out.silent = to == "self"
            elif marker not in self.calls:
                (out.opened if marker in self.opens else out.closed)(s.position, marker)
                s.at += len(marker)
            elif to not in ("", "self", "user") or not framed:
                raw, start, ending = yield from read_region(self, s, out)
                out.region(self.read(raw, start, ending, out.tools), raw, start)
                began = 0
            else:
                out.text(s.position, marker)
                s.at += len(marker)
        if began and to not in ("", "self", "user"):
            self._cut_off(s, out, to, began)

    def _cut_off(self, s: Scanner, out: Output, to: str, began: int) -> None:
        """Lists the call to a tool whose message ends before the call itself begins; what there is
        of it stays in the content.
        """
        text = "".join(text for at, text in (*out.content, *out.held) if at >= began).strip()
        behind = text.removeprefix(self.opens[0]).strip()
        if self.opens[0].startswith(text) or self.calls[0].startswith(behind):
            call = truncated(began - len("<|message|>"), s.position, to, "")
            out.calls.append(to_call(call, len(out.calls), out.tools, out.policy, out.origin))
            out.release()

    def _text(self, s: Scanner, out: Output) -> Reading[tuple[str, str | None] | None]:
        """The next marker, and the recipient that stands before it; other text goes to the
        output.
        """
        while True:
            found = self.everywhere.regex.search(s.text, s.at)
            end = (
                found.start()
                if found
                else len(s.text) - (0 if s.final else self.everywhere.partial(s.text, s.at))
            )
            header = found is not None and found.group() == "<|message|>"
            held = (
                (_TO if header else _MAY_BE_TO).search(s.text, max(s.at, end - 300), end)
                if header or not (found or s.final)
                else None
            )
            if s.final and not found:
                out.last(s.position, s.text[s.at :], self.closers)
            else:
                out.text(s.position, s.text[s.at : held.start() if held else end])
            s.at = end if found or not held else held.start()
            if found:
                return found.group(), held["name"] if held and header else None
            if not (yield from s.more()) and s.at == len(s.text):
                return None

    def _header(self, s: Scanner, out: Output) -> Reading[str | None]:
        """Reads a header that `<|start|>` begins; its recipient, "" where it names none, None where
        it is no header.
        """
        s.mark()
        s.at += len("<|start|>")
        found = yield from s.seek(self.everywhere)
        text, start = s.marked(), s.start
        s.unmark()
        if found is None or found.group() != "<|message|>":
            out.text(start, text)
            return None
        s.at += len("<|message|>")
        name = _TO.search(text)
        return name["name"] if name else ""

    def named(self, name: str, tools: KnownTools) -> str:
        """The name; `x.x` is the tool `x`."""
        head, _, tail = name.partition(".")
        return head if head == tail and name not in tools and head in tools else name
