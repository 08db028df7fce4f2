"""A request or an answer of an agent that waits on its way for what a person decides."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

from agentkit.errors import UsageError, checked_keywords
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.plain import plain
from agentkit.tap.hold.awaited_form import AnswerForm, form_of
from agentkit.tap.hold.changed_answer import changed_answer
from agentkit.tap.hold.changed_request import changed_request
from agentkit.tap.hold.hand_answer import error_body, error_event, hand_answer
from agentkit.tap.hold.moments import Side, gist_of, request_of, response_of
from agentkit.tap.hold.patience import patience_of
from agentkit.tap.slips.call_slips import check_arguments, new_arguments
from agentkit.trajectory.breakpoints import Stop
from agentkit.trajectory.edit import UNSET
from agentkit.types.answer import Response, ToolCall
from agentkit.types.record import Drawn, clip
from agentkit.types.request import Request
from agentkit.types.sequences.place import PlacedTuple
from agentkit.types.wire import Flow
from agentkit.types.words import in_line, seconds


@checked_keywords
class PendingFlow(Drawn):
    """A request that has not left, or an answer that the agent has not got yet. The agent waits
    until `send`, `answer` or `fail` is called, and is kept waiting where its client can be.
    """

    def __init__(
        self,
        flow: Flow,
        side: Side,
        stop: Stop,
        decide: Callable[[dict[str, Any]], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Wait with a flow.

        Args:
            flow: the request, and the answer where that is what waits; secrets are taken out.
            side: which of them waits.
            stop: why it does.
            decide: takes the decision; tells whether it still waited.
            clock: gives the Unix time in seconds.
        """
        self.flow = flow
        """The flow as it stands, with what has been changed."""
        self.side: Side = side
        """`request`: it has not left; `answer`: the agent has not got it."""
        self.stop = stop
        """Why it waits."""
        self.since = clock()
        """Unix time in seconds since which it waits."""
        self.fate = ""
        """What became of it: `sent`, `changed`, `answered`, `failed`, `released` or `left` (the
        agent went away); "" while it waits.
        """
        self.told: Callable[[], None] = lambda: None
        """Called when something of it is changed."""
        self._came = flow
        self._decide = decide
        self._clock = clock
        self._changes: list[dict[str, Any]] = []
        self._patience = patience_of(flow.headers)

    @property
    def number(self) -> int:
        """Place of the request among all, from 0."""
        return self.flow.number

    @property
    def label(self) -> str:
        """The label in the path that it was sent to; "" where it had none."""
        return self.flow.label

    @property
    def request(self) -> Request | None:
        """The request, as it would go; None where it asks for no answer of a model."""
        return request_of(self.flow)

    @property
    def response(self) -> Response | None:
        """The answer, as it would come; None where it is the request that waits."""
        return None if self.side == "request" else response_of(self.flow)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls of the answer that waits."""
        response = self.response
        return response.tool_calls if response is not None else ()

    @property
    def limit(self) -> float | None:
        """Seconds that the agent's client waits for an answer, as it says or as its package does;
        None for no limit.
        """
        return self._patience.limit

    @property
    def kept_waiting(self) -> bool:
        """Whether the client is told again and again that the answer is still to come, so that it
        waits on past its limit.
        """
        return self._patience.beat != "none"

    @property
    def left(self) -> float | None:
        """Seconds until the client gives up and asks again; None where it never does, or is kept
        waiting.
        """
        limit, begun = self.limit, self.flow.started
        if limit is None or self.kept_waiting:
            return None
        return max(0.0, limit - (self._clock() - (self.since if begun is None else begun)))

    def send(self) -> None:
        """Let it go on, with what has been changed.

        Raises:
            UsageError: it does not wait any more.
        """
        self._go("changed" if self._changes else "sent", {"changes": self._changes})

    def change(
        self,
        i: int | None = None,
        /,
        *,
        arguments: Mapping[str, Any] | None = None,
        call: int = 0,
        text: str | None = None,
        messages: Any = UNSET,
        tools: Any = UNSET,
        force: bool = False,
        **fields: Any,
    ) -> Self:
        """Change what goes on; it waits until it is sent. Every other byte stays as it came.

        Args:
            i: of an answer: which call, from 0, as `call`.
            arguments: of an answer: a dict in place of all the arguments of a call.
            call: which call, from 0.
            text: of an answer: in place of its text.
            messages: of a request: a list in chat form or in the dialect's own, or a text in place
                of what the user said last.
            tools: of a request: schemas, or functions.
            force: whether arguments may be such as the tool's schema does not take.
            fields: of a request: temperature, max_tokens and others, under their name in chat
                completions or in the dialect; None takes one out. Of an answer: arguments in place
                of those of the same name.

        Raises:
            UsageError: it does not wait any more, or this cannot be changed so, or the tool does
                not take such arguments.
            NotFound: there is no such call.
        """
        self._check()
        of_call, place = self.side == "answer", call if i is None else i
        asked = {"messages": messages, "tools": tools, **({} if of_call else fields)}
        asked = {name: value for name, value in asked.items() if value is not UNSET}
        if of_call and (arguments is not None or (fields and self.tool_calls)):
            arguments = self._arguments(place, arguments, fields, force)
        given = {"arguments": arguments, "text": text}
        given = {name: value for name, value in given.items() if value is not None}
        if bool(asked) == bool(given) or bool(asked) != (self.side == "request"):
            raise UsageError(_WRONG[self.side], hint=_HINTS[self.side])
        change = plain(asked if asked else {**given, "call": place})
        self.flow = self._changed(change)
        self._changes.append(change)
        self.told()
        return self

    def _arguments(self, place: int, arguments: Any, named: Mapping[str, Any], force: bool) -> Any:
        """Put together the arguments of a call, as the tool takes them."""
        tools = self._offered(force=force)
        made = new_arguments(self.tool_calls, place, arguments, named, tools)
        if not force:
            check_arguments(self.tool_calls[place], made, tools)
        return made

    def _offered(self, *, force: bool) -> KnownTools:
        request = self.request
        return KnownTools([] if force or request is None else list(request.tools))

    def _changed(self, change: dict[str, Any]) -> Flow:
        flow = self.flow
        if self.side == "request":
            body = changed_request(flow.body, flow.path, change)
            original = flow.body if flow.original_body is None else flow.original_body
            return replace(flow, body=body, original_body=original)
        assert flow.exchange is not None
        exchange = changed_answer(flow.exchange, **change)
        return replace(
            flow, exchange=exchange, original_exchange=flow.original_exchange or flow.exchange
        )

    def answer(self, *parts: Any, force: bool = False) -> None:
        """Answer in place of the server, in the dialect and the form that the agent asked for.

        Args:
            parts: texts, and calls as `("pay", {"amount": 5})`, a `ToolCall` or what
                `ak.testing.calls` gives; or one whole answer: a message, a body, a `Response`.
            force: whether calls may be of tools that the request does not offer, or have arguments
                that they do not take.

        Raises:
            UsageError: it does not wait any more, or this is no answer, or a tool does not take
                such arguments.
            NotFound: the request offers no such tool.
        """
        self._check()
        form = self._form()
        if form is None:
            raise UsageError(
                f"the request to {self.flow.path[:80]!r} asks for no answer of a model",
                hint="send it, or fail it",
            )
        body = hand_answer(parts, form, self.number, self._came.body, self._offered(force=force))
        self._substitute("answered", 200, form.content_type, list(form.pieces(body)))

    def fail(
        self,
        status: int = 500,
        message: str = "",
        *,
        retry_after: float | None = None,
        body: Any = None,
    ) -> None:
        """Fail the request on purpose, as its server would word it.

        Args:
            status: the HTTP status, from 400.
            message: what the error says; by default what the status means.
            retry_after: seconds after which the client is to ask again.
            body: in place of the usual one: a text, or data.

        Raises:
            UsageError: it does not wait any more, or this is no status of an error.
        """
        self._check()
        if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status < 600:
            raise UsageError(
                f"{status!r:.80} is no status of an error", hint="fail(429), fail(500)"
            )
        form = self._form()
        dialect = form.dialect if form is not None else None
        data = error_body(status, message, dialect) if body is None else plain(body)
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        more = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
        late = error_event(data, dialect) if isinstance(data, dict) else text
        streams = form is not None and form.streams
        self._substitute(
            "failed", status, "application/json", [text], late if streams else text, more
        )

    def release(self, fate: str = "released") -> None:
        """Let it go on as it came, whatever was changed; nothing happens where it waits no more."""
        if not self.fate:
            self.fate = fate
            self._decide({"changes": []})

    def line(self) -> str:
        """Say on one line what waits, why, for how long by now, and how long its client does."""
        request, waits = self.request, seconds(self._clock() - self.since)
        limit = self.limit
        if self.kept_waiting or limit is None or self.left is None:
            client = (
                "its client is kept waiting" if self.kept_waiting else "its client has no limit"
            )
        else:
            client = f"its client gives up in {seconds(self.left)}"
        known = [
            f"{self.side} {self.number}",
            request.model if request is not None and request.model else "",
            f"turn {self.stop.turn}",
            self.label,
            gist_of(self.flow, self.side),
            self.changed,
            f"by {self.stop.breakpoint.text}" if self.stop.breakpoint is not None else "",
            f"its condition raised {self.stop.error}" if self.stop.error else "",
            self.fate or f"waits {waits}, {client}",
        ]
        return " · ".join(in_line(clip(word, 120)) for word in known if word)

    @property
    def changed(self) -> str:
        """What has been changed, in words; "" where nothing was."""
        if not self._changes:
            return ""
        was = gist_of(self._came, self.side)
        if was != gist_of(self.flow, self.side):
            return f"changed, was {was}"
        names = (name for change in self._changes for name in change if name != "call")
        return f"changed: {', '.join(dict.fromkeys(names))}"

    def _form(self) -> AnswerForm | None:
        try:
            data = json.loads(self._came.body)
        except (ValueError, RecursionError):
            return None
        return form_of(data, self.flow.path)

    def _substitute(
        self,
        fate: str,
        status: int,
        content_type: str,
        pieces: list[str],
        late: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Decide for an answer in place of the server's; `late` where a 200 was sent already."""
        given = {"Content-Type": content_type, **(headers or {})}
        answer = {"status": status, "headers": [*given.items()], "pieces": pieces, "late": late}
        self._go(fate, {"answer": answer})

    def _go(self, fate: str, decision: dict[str, Any]) -> None:
        self._check()
        self.fate = fate
        if not self._decide(decision):
            self.fate = "left"
            self._check()

    def _check(self) -> None:
        if self.fate:
            raise UsageError(
                f"flow {self.number} waits no more: it {_FATES[self.fate]}",
                hint="w.pending lists what waits now",
            )

    def __repr__(self) -> str:
        response = self.response
        what = self.flow.path if response is None else response.summary()
        why = self.stop.text
        if self._changes:  # the words of the stop hold the old call
            what = f"{gist_of(self.flow, self.side)}, {self.changed}"
            why = self.stop.breakpoint.text if self.stop.breakpoint is not None else ""
        fate = f", {self.fate}" if self.fate else ""
        told = "; ".join(in_line(clip(word, 240)) for word in (what, why) if word)
        return f"<PendingFlow {self.number} {self.side}: {told}{fate}>"


_FATES = {
    "sent": "was sent on",
    "changed": "was changed and sent on",
    "answered": "was answered by hand",
    "failed": "was failed on purpose",
    "released": "was let go",
    "left": "was left by the agent, which closed its connection",
}
_WRONG = {
    "request": "it is the request that waits: it has messages, tools and sampling to change",
    "answer": "it is the answer that waits: it has a text and the arguments of calls to change",
}
_HINTS = {
    "request": "change(messages=[...]), change(temperature=0), or answer('a text') in its place",
    "answer": "change(0, amount=5), change(arguments={...}), change(text='…'), or answer('a text')",
}


DECIDE = (
    "Each: w.pending[0].send(), .change(…), .answer('a text'), .fail(429); w.release() lets all go"
)
"""What can be done about what waits."""


@checked_keywords
class PendingFlows(Drawn, PlacedTuple[PendingFlow]):
    """What waits, in the order in which it came, as a tuple."""

    __slots__ = ()
    _thing = "pending request or answer"
    _none = "w.hold(ak.break_on.request()) makes the next request wait"

    def send(self) -> None:
        """Let all go on, each with what has been changed in it."""
        for pending in self:
            if not pending.fate:
                pending.send()

    def __repr__(self) -> str:
        if not self:
            return "<PendingFlows none>"
        lines = [f"{place}: {pending.line()}" for place, pending in enumerate(self)]
        return "\n  ".join([f"<PendingFlows {len(self)}:", *lines, f"{DECIDE}>"])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Write it for IPython as it is drawn: without a clock's time, it is the same when the
        cell runs again.
        """
        printer.text(self.text())
