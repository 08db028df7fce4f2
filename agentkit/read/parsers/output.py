"""What a parser gives back, and what it collects on the way: calls as a format reads them, content
with its places, and the pieces to show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_call import make_call, settle_ids
from agentkit.read.parsers.literals.coercion import retyped
from agentkit.read.parsers.literals.json_text import inner_call
from agentkit.read.parsers.scanner import Markers
from agentkit.types.answer import Policy, ToolCall
from agentkit.types.problem import Problem, problem
from agentkit.types.record import Record, record

PieceKind = Literal["content", "begin", "arguments", "call"]
_SPACES = re.compile(r"\s++")
_SEPARATORS = re.compile(r"[\s;]*+\Z")


@record
class Parsed(Record):
    """A model's text, read."""

    content: str | None
    """The text beside the calls, with broken calls left in it; None where nothing, or nothing but
    white space beside calls, is left.
    """
    tool_calls: tuple[ToolCall, ...] = ()
    """In the order of the text; broken ones are among them, as `invalid`."""
    kept: tuple[tuple[int, int], ...] = ()
    """The spans of the text that the content is made of."""
    problems: tuple[Problem, ...] = ()
    """Problems of the text as a whole; those of a call are on the call."""

    def summary(self) -> str:
        return f"{len(self.tool_calls)} calls, content={self.content!r:.60}"


class Piece(NamedTuple):
    """Something that became certain while text was arriving; only whether white space at the ends
    of the content stays is known at the end.
    """

    kind: PieceKind
    """`content`: text beside the calls. `begin`: a call's marker was read. `arguments`: raw text of
    that call. `call`: it is complete.
    """
    text: str = ""
    call: ToolCall | None = None
    """The call, for kind `call`; its id is settled by `finish`, which sees all calls of the
    text.
    """


@dataclass(slots=True)
class Draft:
    """A call as it is written in the text."""

    start: int
    end: int
    name: str | None
    arguments: str | None
    """Their text as the model wrote it; None where none were given."""
    value: dict[str, Any] | None = None
    """The arguments, where they are not simply the JSON of their text."""
    id: Any = None
    fault: Problem | None = None
    """Why it cannot be used, whatever its arguments are."""
    whole: bool = True
    """Its form is complete: it is taken out of the content even where its arguments are of no
    use.
    """
    notes: tuple[Problem, ...] = ()
    guess: dict[str, Any] | None = None
    """What was probably meant, to be shown beside what was read."""


class Drafts(NamedTuple):
    """What a region of the text holds."""

    calls: list[Draft]
    left: tuple[tuple[int, int], ...] = ()
    """The spans of other text in it, which is content."""


def truncated(start: int, end: int, name: str | None, arguments: str) -> Draft:
    """Make a call that the end of the text cut off.

    Args:
        start: where the call starts in the text.
        end: where the text ends.
        name: the tool's name, if it is known.
        arguments: the text of the arguments, as far as it goes.
    """
    fault = problem(
        "arguments_truncated",
        f"the call that starts at character {start} ends inside its arguments, at character {end}",
    )
    return Draft(start, end, name, arguments, fault=fault, whole=False)


def broken(
    start: int, end: int, name: str | None, arguments: str, why: str, at: int | None = None
) -> Draft:
    """Make a call whose text does not follow its format.

    Args:
        start: where the call starts in the text.
        end: where it ends.
        name: the tool's name, if it is known.
        arguments: the text of the arguments, as far as it is known.
        why: what is wrong with it.
        at: where it is wrong; None: where it starts.
    """
    fault = problem(
        "arguments_invalid_json",
        f"the call that starts at character {start} cannot be read: {why}, at character "
        f"{start if at is None else at}",
    )
    return Draft(start, end, name, arguments, fault=fault, whole=False)


def nameless(start: int, end: int, raw: str) -> Draft:
    """Make a call that does not follow its format before its arguments begin; a call in another
    form inside it is the guess.

    Args:
        start: where the call starts in the text.
        end: where it ends.
        raw: its text.
    """
    inner = inner_call(raw)
    if inner is None:
        return broken(start, end, None, raw, "there is no name")
    draft = broken(start, end, inner[0], raw, "it is written in another form")
    draft.guess = inner[1]
    return draft


def cut_by(token: str, start: int, end: int, name: str | None, arguments: str) -> Draft:
    """Make a call of which a value holds a token of its own format, which cut it.

    Args:
        token: the token.
        start: where the call starts in the text.
        end: where it ends.
        name: the tool's name, if it is known.
        arguments: the text of the arguments.
    """
    draft = broken(start, end, name, arguments, f"a value holds {token!r}, which cuts it off")
    draft.notes = (problem("markup_leak", f"a value holds {token!r}", before=arguments),)
    return draft


def with_types(draft: Draft, written: Any, read: dict[str, Any]) -> Draft:
    """Give a draft its arguments as a server's parser reads them, with a note where it gives
    another type than the model wrote, and what the model wrote as the guess.

    Args:
        draft: the call.
        written: the arguments with the types the model wrote.
        read: the same with those the parser gives.
    """
    place = None if written is read else retyped(written, read)
    draft.value = read
    if place is not None:
        message = f"the server's parser gives {place!r} another type than the model wrote"
        note = problem("arguments_retyped", message, before=written, after=read)
        draft.notes, draft.guess = (*draft.notes, note), written
    return draft


def trailing_data(message: str, text: str) -> tuple[Problem, ...]:
    """Note that a call holds text that belongs to nothing; empty where there is none."""
    return (problem("arguments_trailing_data", message, before=text),) if text else ()


class Output:
    """Collects what a format reads: content, calls, and the pieces to show."""

    def __init__(self, tools: KnownTools, policy: Policy, origin: str, trims: str) -> None:
        self.tools, self.policy, self.origin, self.trims = tools, policy, origin, trims
        self.content: list[tuple[int, str]] = []
        """Pieces of the text, each with where it starts."""
        self.calls: list[ToolCall] = []
        self.pieces: list[Piece] = []
        self.pending: list[tuple[int, str]] = []
        """Markers and white space that are dropped where a call is beside them, and are content
        where none is.
        """
        self.silent = False
        """What is read is not content: a message that is not to the user."""
        self.after_call = False
        """Whether nothing but separators is between the last call and here."""
        self.called = False
        """A call was taken out of the text."""
        self._tail, self._tailed = "", 0

    def text(self, at: int, text: str) -> None:
        """Add the text that is at this place of the whole text."""
        if not text or self.silent:
            return
        if self.after_call or self.pending:
            if _SEPARATORS.match(text):
                self.pending.append((at, text))
                return
            self.release()
        self._show(at, text)

    def last(self, at: int, text: str, closing: Markers) -> None:
        """Add the end of the text; a part of a closing marker, right behind a call, is dropped.

        Args:
            at: where it starts in the whole text.
            text: the end of the text.
            closing: the markers that close calls.
        """
        end = len(text) - closing.partial(text)
        self.text(at, text[:end])
        if not self.after_call:
            self.text(at + end, text[end:])

    def ends_with(self, texts: tuple[str, ...]) -> bool:
        """Return whether nothing, or one of these texts, is right before the place that is read,
        white space left out.
        """
        new = "".join(text for _, text in (*self.content[self._tailed :], *self.pending))
        self._tailed = len(self.content)
        self._tail = _SPACES.sub(" ", self._tail + new)[-64:]
        return not self._tail.strip() or self._tail.rstrip().endswith(texts)

    def opened(self, at: int, marker: str) -> None:
        """Add a marker that belongs to the calls that follow it."""
        self.pending.append((at, marker))

    def closed(self, at: int, marker: str) -> None:
        """Add a marker that belongs to the calls before it; with nothing but white space between
        an opening marker and it both are dropped.
        """
        if self.after_call or self.pending:
            self.pending.clear()
        else:
            self._show(at, marker)

    def release(self) -> None:
        """Turn what is pending into content."""
        for at, text in self.pending:
            self._show(at, text)
        self.pending.clear()
        self.after_call = False

    def _show(self, at: int, text: str) -> None:
        self.content.append((at, text))
        self.pieces.append(Piece("content", text))

    def add_call(self, draft: Draft) -> ToolCall:
        """Add the call, its name and arguments judged by the same rules as those of a server's
        `tool_calls`.
        """
        call = make_call(
            len(self.calls),
            draft.name,
            draft.arguments,
            self.tools,
            self.policy,
            read=draft.value,
            raw_id=draft.id,
            origin=self.origin,
            span=(draft.start, draft.end),
            notes=draft.notes,
        )
        if draft.fault is not None:
            call = _with_fault(call, draft.fault, draft.notes)
        if draft.guess is not None:
            call = replace(call, suggestion=draft.guess)
        self.calls.append(call)
        return self.calls[-1]

    def region(self, found: Drafts | None, raw: str, start: int) -> None:
        """Add what one region of the text holds; the text of broken calls stays in the content.

        Args:
            found: the calls in it; None where it is plain text.
            raw: its text.
            start: where it starts in the whole text.
        """
        left = list(found.left) if found else []
        taken = False
        for draft in found.calls if found else ():
            call = self.add_call(draft)
            self.pieces.append(Piece("call", call.raw_arguments, call))
            if draft.whole or call.valid:
                taken = True
            else:
                left.append((draft.start, draft.end))
        if taken:
            self.pending.clear()
            self.called = self.after_call = True
            for begins, ends in sorted(left):
                self.text(begins, raw[begins - start : ends - start])
        else:
            self.release()
            self._show(start, raw)

    def parsed(self, markers: tuple[str, ...]) -> Parsed:
        """Put the result together; a problem is added where a marker of the format is left in the
        content and no broken call explains it.
        """
        if not self.after_call:
            self.release()
        if self.called:
            self._trim()
        content = "".join(text for _, text in self.content)
        problems = self._leaks(content, markers)
        calls = settle_ids(self.calls)
        if not content or (self.called and not content.strip()):
            return Parsed(content=None, tool_calls=calls, problems=problems)
        return Parsed(
            content=content, tool_calls=calls, kept=tuple(self._kept()), problems=problems
        )

    def _leaks(self, content: str, markers: tuple[str, ...]) -> tuple[Problem, ...]:
        if any(call.status == "invalid" for call in self.calls):
            return ()
        leaked = next((marker for marker in markers if marker in content), None)
        if leaked is None:
            return ()
        message = f"the content holds {leaked!r}, which belongs to no call"
        return (problem("markup_leak", message, before=content),)

    def _trim(self) -> None:
        """Take the white space that does not count off both ends of the content."""
        while self.content and not self.content[-1][1].strip(self.trims):
            self.content.pop()
        first = 0
        while first < len(self.content) and not self.content[first][1].strip(self.trims):
            first += 1
        del self.content[:first]
        if self.content:
            at, text = self.content[0]
            left = text.lstrip(self.trims)
            self.content[0] = (at + len(text) - len(left), left)
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


def _with_fault(call: ToolCall, fault: Problem, notes: tuple[Problem, ...]) -> ToolCall:
    names = (p for p in call.problems if p.code.startswith("name_"))
    return replace(
        call,
        status="invalid",
        arguments=None,
        problems=(fault, *notes, *names),
        suggestion=call.suggestion or call.arguments or None,
    )
