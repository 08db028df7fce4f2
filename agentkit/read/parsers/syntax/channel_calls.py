"""Formats whose text is a sequence of messages with a recipient or a channel each: harmony
(gpt-oss), and Muse.

A message to a tool is a call, one to the user is content; reasoning has a message of its own and is
not content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.parsers.call_parser import Ending, Format, read_text, take_region
from agentkit.read.parsers.literals.json_text import read_value
from agentkit.read.parsers.output import Draft, Drafts, Output, truncated
from agentkit.read.parsers.scanner import Markers, Scanner, Unfinished
from agentkit.read.parsers.syntax.json_calls import marked_end
from agentkit.read.parsers.syntax.tag_calls import TagCalls

_RECIPIENT = re.compile(r"(?:^|[\s>])to=(?:functions\.)?+(?P<name>[^\s<]++)")
_BUILT_IN = ("python", "browser", "container")
_CHANNEL = re.compile(r"(?:<\|channel\|>|\A)\s*+(?:assistant)?+\s*+(?P<name>[a-z]*+)")
_CUT_HEADER = re.compile(
    r"\s*+(?=[actf])(?:assistant)?+\s*+(?:commentary|analysis|final)?+\s*+(?:to=[^\s<]*+)?+\s*+"
    r"(?:json|code)?+\s*+"
)
"""What is left of the first header where the template wrote its beginning."""
_HEADER_WORDS = ("assistant", "commentary", "analysis", "final", "to=")
_LONGEST_HEADER = 200


@dataclass(eq=False, kw_only=True)
class Harmony(Format):
    """`<|start|>assistant<|channel|>commentary to=functions.N
    <|constrain|>json<|message|>A<|call|>`; the first header may be cut short.
    """

    calls: tuple[str, ...] = ("<|start|>", "<|channel|>")
    drops: tuple[str, ...] = ("<|call|>", "<|end|>", "<|return|>")
    ends: tuple[str, ...] = drops

    def __post_init__(self) -> None:
        super().__post_init__()
        self.header = Markers(("<|message|>", "<|start|>", *self.drops))
        self.first = Markers((*self.calls, "<|message|>", "<|constrain|>", *self.drops))

    @property
    def markers(self) -> tuple[str, ...]:
        return ("<|channel|>commentary to=", "<|channel|>analysis to=", "to=functions.")

    @property
    def marked_calls(self) -> tuple[str, ...]:
        return ()

    def region(self, s: Scanner) -> Ending:
        """Read a message to a tool to its end; any other message's header."""
        s.at += next((len(call) for call in self.calls if s.text.startswith(call, s.at)), 0)
        found = s.seek(self.header)
        if found is None or found.group() != "<|message|>":
            return "next"
        s.at += len("<|message|>")
        if not _RECIPIENT.search(s.text[s.start : s.at]):
            return "next"
        return marked_end(s, self.stops, self.end_markers, begin=s.at)

    def _starts_in_header(self, s: Scanner) -> bool:
        """Return whether the text begins inside a header."""
        begin = s.text[:_LONGEST_HEADER]
        found = self.first.regex.search(begin)
        words = _CUT_HEADER.fullmatch(begin, 0, found.start() if found else len(begin))
        if found is not None and words is not None:
            return bool(words.group().strip())
        undecided = not s.final and found is None and len(s.text) < _LONGEST_HEADER
        start = begin.lstrip()
        if undecided and any(start.startswith(word[: len(start)]) for word in _HEADER_WORDS):
            raise Unfinished
        return False

    def read(self, raw: str, start: int, ending: Ending, tools: KnownTools) -> Drafts | None:
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
        if ending == "cut" and (value is None or (rest and not self.end_markers.partial(rest))):
            return Drafts([truncated(start, end, name["name"], text.strip())])
        arguments = text[: value[1]] if value and ending == "cut" else text
        return Drafts([Draft(start, end, name["name"], arguments.strip())])

    def run(self, s: Scanner, out: Output) -> None:
        if self._starts_in_header(s):
            self.read_region(s, out)
        while (found := (read_text(s, out, self.everywhere, self.closers))) is not None:
            out.silent = False
            if found in self.drops:
                s.at += len(found)
            else:
                self.read_region(s, out)

    def read_region(self, s: Scanner, out: Output) -> None:
        """Read one message to a tool, or the header of another one."""
        raw, start, ending = take_region(self, s, out)
        calls = self.read(raw, start, ending, out.tools)
        if calls or "<|message|>" not in raw:
            out.region(calls, raw, start)
        else:
            channels = [found["name"] for found in _CHANNEL.finditer(raw)]
            out.silent = "analysis" in channels


_TO = re.compile(r"[^\S\n]*+to=(?P<name>[A-Za-z0-9_.\-]{1,200}+)\Z")
_MAY_BE_TO = re.compile(r"[^\S\n]*+(?:t(?:o(?:=[A-Za-z0-9_.\-]{0,200}+)?+)?+)?+\Z")


class Muse(TagCalls):
    """` to=N<|message|><atem:function_calls>…<|eot|>`, messages between `<|start|>assistant` and
    `<|eom|>` or `<|eot|>`.
    """

    frame = ("<|start|>", "<|message|>", "<|eom|>", "<|eot|>")
    drops = frame

    def run(self, s: Scanner, out: Output) -> None:
        framed, to, began = False, "", 0
        while found := (self._text(s, out)):
            marker, named = found
            if marker == "<|start|>":
                named = self._header(s, out)
            elif marker in self.frame:
                s.at += len(marker)
            if marker in self.frame:
                framed |= marker == "<|message|>" or named is not None
                to, began = named or "", s.at
                out.silent = to == "self"
            elif marker not in self.calls:
                (out.opened if marker in self.opens else out.closed)(s.at, marker)
                s.at += len(marker)
            elif to not in ("", "self", "user") or not framed:
                self.read_region(s, out)
                began = 0
            else:
                out.text(s.at, marker)
                s.at += len(marker)
        if began and to not in ("", "self", "user"):
            self._cut_off(s, out, to, began)

    def _cut_off(self, s: Scanner, out: Output, to: str, began: int) -> None:
        """List the call to a tool whose message ends before the call itself begins; what there is
        of it stays in the content.
        """
        text = "".join(text for at, text in (*out.content, *out.pending) if at >= began).strip()
        behind = text.removeprefix(self.opens[0]).strip()
        if self.opens[0].startswith(text) or self.calls[0].startswith(behind):
            call = truncated(began - len("<|message|>"), s.at, to, "")
            out.add_call(call)
            out.release()

    def _text(self, s: Scanner, out: Output) -> tuple[str, str | None] | None:
        """Read up to the next marker: it, and the recipient before it; other text goes to the
        output.
        """
        found = self.everywhere.regex.search(s.text, s.at)
        if found is None and s.final:
            out.last(s.at, s.text[s.at :], self.closers)
            s.at = len(s.text)
            return None
        header = found is not None and found.group() == "<|message|>"
        end = found.start() if found else len(s.text) - self.everywhere.partial(s.text, s.at)
        named = None
        if header or not found:
            named = (_TO if header else _MAY_BE_TO).search(s.text, max(s.at, end - 300), end)
        out.text(s.at, s.text[s.at : named.start() if named else end])
        s.at = end
        if found is None:
            raise Unfinished
        return found.group(), named["name"] if named else None

    def _header(self, s: Scanner, out: Output) -> str | None:
        """Read a header that `<|start|>` begins: its recipient, "" where it names none, None where
        it is no header.
        """
        start = s.at
        s.at += len("<|start|>")
        found = s.seek(self.everywhere)
        text = s.text[start : s.at]
        if found is None or found.group() != "<|message|>":
            out.text(start, text)
            return None
        s.at += len("<|message|>")
        name = _TO.search(text)
        return name["name"] if name else ""

    def named(self, name: str, tools: KnownTools) -> str:
        """Return the name; `x.x` is the tool `x`."""
        head, _, tail = name.partition(".")
        return head if head == tail and name not in tools and head in tools else name
