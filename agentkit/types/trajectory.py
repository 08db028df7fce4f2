"""The rollout's record: an immutable trajectory of turns, and the open turn that steps fill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from itertools import zip_longest
from typing import Any, Literal

from agentkit.errors import checked_keywords
from agentkit.types.answer import Dialect, Response, ToolCall
from agentkit.types.hooks import hook
from agentkit.types.problem import Problem
from agentkit.types.record import Behind, LateRecord, Record, Unknown, clip, keep_apart, record
from agentkit.types.request import Request, Spec
from agentkit.types.sequences.slots import first_empty
from agentkit.types.wire import ApiError, Exchange, covered

ResultStatus = Literal[
    "ok", "error", "timeout", "cancelled", "invalid_call", "unknown_tool", "skipped", "edited"
]
StopReason = Literal["final", "max_turns", "length", "error", "stopped", "content_filter"]


@record
class Message(Record):
    """One chat message as it was given: sent verbatim, read for its role and text."""

    wire: dict[str, Any]
    """The message in OpenAI's chat format, verbatim."""

    @property
    def role(self) -> str:
        """`user`, `assistant`, `tool`, …; "" where it has none."""
        return str(self.wire.get("role", ""))

    @property
    def content(self) -> str:
        """The text; the text parts joined where the content is a list of parts."""
        content = self.wire.get("content")
        if isinstance(content, list):
            parts = (part.get("text", "") if isinstance(part, dict) else part for part in content)
            return "".join(part for part in parts if isinstance(part, str))
        return content if isinstance(content, str) else ""

    def summary(self) -> str:
        return f"{clip(self.role)}: {clip(self.content)}"


@record
class ToolResult(Record):
    """What became of one call: what the tool returned, or why there is nothing."""

    call_id: str = field(compare=False)
    """The id of the call, as the history carries it."""
    name: str
    """The tool's name."""
    status: ResultStatus
    """How the call came out."""
    content: str
    """What the model sees."""
    value: Any = field(default=None, compare=False)
    """What the tool returned, where that is not `content` itself."""
    conversion: str | None = None
    """How `value` became `content`: `json`, `text`, `bytes`; `mcp` where it is a whole result of an
    MCP server, whose images are sent where the server takes some; None where the tool returned
    text."""
    error: str | None = None
    """Type and message of what went wrong, as `Type: message`."""
    traceback: str | None = field(default=None, compare=False)
    """The tool's own frames of the exception, as Python prints them; None where none was raised."""
    printed: str = field(default="", compare=False)
    """What the call wrote to standard output and standard error, in the order it came."""
    trajectory: Trajectory | None = field(default=None, compare=False)
    """The rollout of a sub-agent that ran in the tool; None where none did."""
    started: float | None = field(default=None, compare=False)
    """Unix time in seconds when the tool began."""
    elapsed: float | None = field(default=None, compare=False)
    """Seconds the tool ran."""
    queued: float | None = field(default=None, compare=False)
    """Seconds the call waited for a thread of the pool."""
    full_content: str | None = field(default=None, compare=False)
    """The whole text where `content` is a preview under a result budget."""
    redacted: bool = field(default=False, compare=False)
    """Whether a secret was taken out of it."""
    injected: str | None = field(default=None, compare=False)
    """The fault that was put in on purpose, by `ak.testing.inject`."""
    unknown: Unknown | None = field(default=None, compare=False)
    """What a newer version's file held beside it; None where there was nothing."""

    def summary(self) -> str:
        return f"{clip(self.name)} {self.status}: {clip(self.content)}"


@record
class Attempt(Record):
    """A model call that failed or was interrupted: kept, never part of the history."""

    turn: int
    """The turn it was made for, from 0."""
    error: ApiError
    """Why there is no answer to go on from."""
    exchange: Exchange = field(default_factory=Exchange, compare=False)
    """What came all the same, byte for byte."""
    response: Response | None = field(default=None, compare=False)
    """What came of an answer that broke off."""

    def summary(self) -> str:
        return f"turn {self.turn}: {self.error.summary()}"


@record
class Turn(Behind):
    """One answer and the results of its calls. `kept` and `added` hold what the caller did to the
    history before it was asked for.
    """

    index: int
    """Counts from 0."""
    response: Response
    """The answer as it was read."""
    results: Sequence[ToolResult | None] = ()
    """By call position; None where a call has not run."""
    kept: int | None = None
    """How many messages of the history so far were kept; None for all of them."""
    added: tuple[Message, ...] = ()
    """Messages the caller put after those, before this answer was asked for."""
    sampling: dict[str, Any] | None = None
    """Sampling of this turn alone, over the spec's."""
    before: Before | None = field(default=None, compare=False)
    """What came before it, for the turn's own request; None for a turn made by hand."""

    @property
    def rollout(self) -> Trajectory | None:
        """The rollout as it was when this turn had ended; None for a turn made by hand."""
        before = self.before
        if before is None:
            return None
        left = Parent(turn=before.left) if before.left else None
        turns = (*before.turns, self)
        return Trajectory(spec=before.spec, prompt=before.prompt, turns=turns, parent=left)

    @property
    def request(self) -> Request | None:
        """What was sent to get this answer; None for a turn made by hand."""
        rollout = self.rollout
        return rollout.request(self.index) if rollout else None

    @property
    def raw(self) -> Any:
        """The raw answer as parsed JSON."""
        return self.response.raw

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls of the answer, by position; broken ones among them."""
        return self.response.tool_calls

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """The results there are, in the order of the calls."""
        return tuple(result for result in self.results if result is not None)

    @property
    def reasoning(self) -> str | None:
        """What the model thought before it answered; None where nothing was sent."""
        return self.response.reasoning

    @property
    def usage(self) -> Any:
        """The tokens the server counted; None where it did not say."""
        return self.response.usage

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem of the answer and its calls."""
        return self.response.all_problems

    @property
    def started(self) -> float | None:
        """Unix time in seconds when the model was asked."""
        return self.response.exchange.started

    @property
    def elapsed(self) -> float | None:
        """Seconds the model and the tools worked, without a person's time between two steps."""
        model = self.response.exchange.elapsed
        tools = ((result.started, result.elapsed) for result in self.tool_results)
        return None if model is None else model + covered(tools)

    @property
    def cost(self) -> float | None:
        """What the answer cost; None where prices or its tokens are not known."""
        prices = self.before.spec.prices if self.before else None
        return prices.cost(self.usage) if prices else None

    def summary(self) -> str:
        results = ", ".join(f"{clip(r.name)} {r.status}" for r in self.tool_results)
        return f"{self.index}: {self.response.summary()}{f' → {results}' if results else ''}"


@record
class Before(Record):
    """What comes before a turn. Each holds the one turn before it, so that all of a rollout's take
    memory linear in its length.
    """

    spec: Spec
    """What the rollout was run with."""
    prompt: tuple[Message, ...] = ()
    """The messages it began with."""
    last: Turn | None = None
    """The turn before; None at the start."""
    left: int = 0
    """The turn at which the rollout left the one it was forked from; 0 where it is no fork."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns before, in order."""
        found: list[Turn] = []
        while (turn := found[-1]._last if found else self.last) is not None:
            found.append(turn)
        return tuple(reversed(found))

    def summary(self) -> str:
        return f"{self.spec.model}, {f'turn {self.last.index}' if self.last else 'no turn yet'}"


keep_apart(Turn, "before", "last")


@record
class OpenTurn(Record):
    """The turn in progress: the caller's messages, the answer once it is there, the results so far
    by position.
    """

    kept: int | None = None
    """How many messages of the history so far are kept; None for all of them."""
    added: tuple[Message, ...] = ()
    """Messages the caller put after those."""
    sampling: dict[str, Any] | None = None
    """Sampling of this turn alone, over the spec's."""
    response: Response | None = None
    """The answer; None until it is there."""
    results: Sequence[ToolResult | None] = ()
    """By call position; None where a call has not run."""
    unknown: Unknown | None = field(default=None, compare=False)
    """What a newer version's file held beside it; None where there was nothing."""

    @property
    def pending(self) -> tuple[ToolCall, ...]:
        """The calls that have no result yet, in order."""
        calls, first = self.response.tool_calls if self.response else (), first_empty(self.results)
        rest = zip_longest(calls[first:], self.results[first : len(calls)])
        return tuple(call for call, result in rest if result is None)

    @property
    def first_pending(self) -> ToolCall | None:
        """The first call that has no result yet."""
        calls, at = self.response.tool_calls if self.response else (), first_empty(self.results)
        return calls[at] if at < len(calls) else None

    def summary(self) -> str:
        if self.response is None:
            return f"{len(self.added)} messages to send"
        return f"{self.response.summary()}, {len(self.pending)} pending"


@record
class Parent(Record):
    """Where a fork came from."""

    trajectory: Trajectory | None = None
    """What it was forked from; None where that was not saved with it."""
    turn: int
    """The turn of the parent that the fork leaves from."""
    change: str = ""
    """What was changed there, in words."""
    unknown: Unknown | None = field(default=None, compare=False)
    """What a newer version's file held beside it; None where there was nothing."""


@record
class Trajectory(LateRecord):
    """A rollout as an immutable value. Every operation gives a new one; messages, requests and
    totals are derived from it.
    """

    spec: Spec = field(default_factory=Spec)
    """What it is run with."""
    prompt: tuple[Message, ...] = ()
    """The messages it began with."""
    turns: tuple[Turn, ...] = ()
    """The finished turns, in order."""
    open: OpenTurn | None = None
    """The turn in progress, or the caller's messages for the next one."""
    stop_reason: StopReason | None = None
    """Why it ended; None while it can go on."""
    error: ApiError | None = None
    """The failed request behind the stop reasons `error` and `content_filter`."""
    attempts: tuple[Attempt, ...] = ()
    """Requests that failed or were interrupted, with what came of them, in order."""
    parent: Parent | None = field(default=None, compare=False)
    """Where it was forked from; None where it was not."""
    meta: dict[str, Any] = field(default_factory=dict)
    """Task, sample, reward, labels: the caller's own."""
    unknown: Unknown | None = field(default=None, compare=False)
    """What a newer version's file held beside it; None where there was nothing."""
    damage: tuple[Problem, ...] = field(default=(), compare=False)
    """What of its file could not be read, and is not in it."""
    file: str | None = field(default=None, compare=False)
    """The file it was read from, where several were read at once."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation so far in OpenAI's chat format, as it would be sent; a fresh list."""
        return list(hook("messages")(self))

    def request(self, turn: int) -> Request:
        """Derive what was, or would be, sent for the model call of this turn.

        Raises:
            IndexError: the turn is beyond the next one.
        """
        request: Request = hook("request")(self, turn)
        return request

    @checked_keywords
    def fork(
        self,
        turn: int | None = None,
        *,
        server: Any = None,
        tools: Iterable[Any] = (),
        model: str | None = None,
        dialect: Dialect | None = None,
        sealed: bool = True,
    ) -> Any:
        """Make a debugger at the start of a turn: the same request to the same server. Calls are
        answered from what is recorded; before another one it stops, for `dbg.pending.answer`.

        Args:
            turn: which turn is asked anew, by default the last; one more goes on from the end.
            server: where, as `ak.Agent` takes it; by default where the rollout's requests went.
            tools: functions to run in place of recorded results.
            model, dialect: others than the rollout's.
            sealed: False leaves out encrypted and signed reasoning, which another server refuses.

        Raises:
            NotFound, UsageError: there is no such turn, no message to send, or no server known.
        """
        return hook("fork")(self, turn, server, tools, model, dialect, sealed)

    @property
    def before(self) -> Before:
        """What the next turn will have before it."""
        last, left = (self.turns or (None,))[-1], self.parent.turn if self.parent else 0
        return Before(spec=self.spec, prompt=self.prompt, last=last, left=left)

    @property
    def all_turns(self) -> tuple[Turn, ...]:
        """The finished turns, then the open one where it has an answer."""
        o = self.open
        if o is None or o.response is None:
            return self.turns
        turn = Turn(index=len(self.turns), response=o.response, results=o.results, kept=o.kept)
        return (*self.turns, replace(turn, added=o.added, sampling=o.sampling, before=self.before))

    @property
    def pending(self) -> tuple[ToolCall, ...]:
        """The calls of the open turn that have no result yet."""
        return self.open.pending if self.open else ()

    @property
    def final(self) -> str | None:
        """The last answer's text, where the rollout ended with one."""
        ended = self.stop_reason == "final" and self.turns
        return self.turns[-1].response.content if ended else None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What its file has lost, then the problems of all answers and their calls, in order.
        Everything that is counted, failed tools and requests too, is in `ak.problems_df(t)`.
        """
        return (*self.damage, *(p for turn in self.all_turns for p in turn.problems))

    @property
    def cost(self) -> float | None:
        """What the answers cost together; None where prices, or the tokens of one, are unknown."""
        costs = [turn.cost for turn in self.all_turns]
        return None if None in costs or not costs else sum(c for c in costs if c is not None)

    def summary(self) -> str:
        calls = sum(len(turn.tool_calls) for turn in self.all_turns)
        state = self.stop_reason or ("pending calls" if self.pending else "ready")
        wrong = filter(None, [hook("problem_words")(self)])
        return ", ".join((f"{len(self.turns)} turns", f"{calls} calls", state, *wrong))
