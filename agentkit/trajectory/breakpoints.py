"""Where a run stops: before a step, or after its outcome. A breakpoint is a value; it is asked, and
changes nothing.

ak.break_on.tool("pay")                       before a call of pay is run
ak.break_on.turn(5) | ak.break_on.problem()   either
ak.break_on.tool("pay") & ak.break_on.call(lambda call: call.arguments["amount"] > 100)
ak.break_on(lambda moment: len(moment.trajectory.turns) > 3)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace
from difflib import get_close_matches
from typing import Any, Literal

from agentkit.errors import NotFound, UsageError
from agentkit.read.body.finish import means
from agentkit.types.answer import Response, ToolCall
from agentkit.types.problem import SEVERITIES
from agentkit.types.record import Record, clip, record
from agentkit.types.steps import Outcome, Result, Step, ToolStep
from agentkit.types.trajectory import ToolResult, Trajectory

When = Literal["before", "after"]
_FAILED = ("error", "timeout", "invalid_call", "unknown_tool")


@record
class Moment(Record):
    """What a predicate is given: a step that is about to be taken, or that has just been taken."""

    trajectory: Trajectory
    """Before the step, or with its outcome in it."""
    step: Step
    outcome: Outcome | None = None
    """None before the step."""

    @property
    def when(self) -> When:
        """`before` the step or `after` its outcome."""
        return "before" if self.outcome is None else "after"

    @property
    def turn(self) -> int:
        """The turn the step belongs to."""
        return self.step.turn

    @property
    def call(self) -> ToolCall | None:
        """The call that is run; None where the model is asked."""
        return self.step.call if isinstance(self.step, ToolStep) else None

    @property
    def response(self) -> Response | None:
        """The answer of this turn; None while there is none."""
        t = self.trajectory
        turn = t.turns[self.turn] if self.turn < len(t.turns) else t.open
        return turn.response if turn is not None else None

    @property
    def result(self) -> ToolResult | None:
        """What the call gave; None before, and where the model was asked."""
        return self.outcome.result if isinstance(self.outcome, Result) else None

    def summary(self) -> str:
        return f"{self.when}: {self.step.summary()}"


Predicate = Callable[[Moment], Any]
_MOMENTS = {
    (of, when): i
    for i, (of, when) in enumerate(
        (of, when) for of in ("any", "model", "tool") for when in ("before", "after")
    )
}
"""Kinds of moments, in the order of a turn; any moment comes first, as it fits every other."""


@record
class Rule(Record):
    """One condition and the moments at which it is looked at."""

    text: str
    when: When
    of: Literal["model", "tool", "any"]
    """The kind of step it looks at."""
    key: tuple[Any, ...] = ()
    """What tells it from others."""
    holds: Predicate = field(compare=False)

    def __call__(self, moment: Moment) -> bool:
        kind = "tool" if isinstance(moment.step, ToolStep) else "model"
        return moment.when == self.when and self.of in (kind, "any") and bool(self.holds(moment))

    def both(self, other: Rule) -> Rule:
        """Both at once, looked at where the later of the two is, for by then the earlier is known;
        a function goes with the other one.
        """
        later = max(self, other, key=lambda rule: _MOMENTS[rule.of, rule.when])
        text, key = f"{self.text} & {other.text}", (*self.key, "&", *other.key)
        return replace(
            later,
            text=text,
            key=key,
            holds=lambda moment: self.holds(moment) and other.holds(moment),
        )


@record
class Breakpoint(Record):
    """Where to stop. `a | b` is either of two, `a & b` both at once; `.before()` and `.after()`
    move it to the other side of the step.
    """

    rules: tuple[Rule, ...]
    firm: bool = False
    """Whether going on does not pass it: only a step, or `dbg.pending.run`, takes what stands
    behind it.
    """

    @property
    def text(self) -> str:
        """What it stops at, in words."""
        return " | ".join(rule.text for rule in self.rules)

    @property
    def sides(self) -> str:
        """Whether it stops before a step or after it."""
        return " and ".join(dict.fromkeys(rule.when for rule in self.rules))

    def before(self) -> Breakpoint:
        """The same, before the step."""
        return replace(self, rules=tuple(replace(rule, when="before") for rule in self.rules))

    def after(self) -> Breakpoint:
        """The same, after the step's outcome."""
        return replace(self, rules=tuple(replace(rule, when="after") for rule in self.rules))

    def __or__(self, other: Any) -> Breakpoint:
        return replace(self, rules=(*self.rules, *breakpoint_of(other).rules))

    __ror__ = __or__

    def __and__(self, other: Any) -> Breakpoint:
        return replace(
            self, rules=tuple(a.both(b) for a in self.rules for b in breakpoint_of(other).rules)
        )

    __rand__ = __and__

    def matches(self, moment: Moment) -> bool:
        """Whether a run stops at this moment."""
        return any(rule(moment) for rule in self.rules)

    def summary(self) -> str:
        return f"{self.text}, {self.sides}"


@record
class Stop(Record):
    """Why and where a run stopped before its end."""

    text: str
    """In words."""
    breakpoint: Breakpoint | None = None
    """None where it was paused or stopped by hand."""
    turn: int
    call: int | None = None
    """The position of the call; None at a model call."""
    when: When = "after"
    error: str | None = None
    """What a predicate raised, as `Type: message`."""

    def summary(self) -> str:
        return self.text


def stop_at(moment: Moment, breakpoints: Iterable[Breakpoint]) -> Stop | None:
    """The stop at this moment; None where no breakpoint holds. A predicate that raises stops the
    run too, with its error.
    """
    for point in breakpoints:
        error = None
        try:
            if not point.matches(moment):
                continue
        except Exception as exc:  # a predicate is the user's code: its fault must be seen, and must not cost the step
            error = clip(f"{type(exc).__name__}: {exc}", 300)
        call = moment.call
        where = f"stopped {moment.when} {moment.step.summary()}"
        text = f"{where}: {point.text}" + (f" raised {error}" if error else "")
        return Stop(
            text=text,
            breakpoint=point,
            turn=moment.turn,
            call=call.position if call else None,
            when=moment.when,
            error=error,
        )
    return None


def breakpoint_of(value: Any) -> Breakpoint:
    """A breakpoint as it is; a function of a `Moment` as a breakpoint after each step.

    Raises:
        UsageError: it is neither.
    """
    if isinstance(value, Breakpoint):
        return value
    if callable(value):
        return _point(
            getattr(value, "__name__", type(value).__name__), "after", "any", value, value
        )
    hint = "pass ak.break_on.tool('pay'), or a function of a moment that says whether to stop"
    raise UsageError(f"a {type(value).__name__} is no breakpoint", hint=hint)


def breakpoints_of(value: Any) -> tuple[Breakpoint, ...]:
    """One breakpoint, a predicate, several of them, or None."""
    if value is None:
        return ()
    several = (
        isinstance(value, Iterable) and not isinstance(value, (str, bytes)) and not callable(value)
    )
    return tuple(map(breakpoint_of, value)) if several else (breakpoint_of(value),)


def _point(
    text: str, when: When, of: Literal["model", "tool", "any"], holds: Predicate, *key: Any
) -> Breakpoint:
    return Breakpoint(rules=(Rule(text=text, when=when, of=of, key=key or (text,), holds=holds),))


class BreakOn:
    """The breakpoints there are. Called with a function of a `Moment`, it stops after each step for
    which that is true.
    """

    def __call__(self, predicate: Predicate) -> Breakpoint:
        """Where the function says so, after each step; `.before()` asks it before."""
        return breakpoint_of(predicate)

    def tool(self, *names: str) -> Breakpoint:
        """Before a call of one of these tools is run; of any tool without a name."""
        return _point(
            _call("tool", *names),
            "before",
            "tool",
            lambda m: m.call is not None and (not names or m.call.name in names),
        )

    def call(self, predicate: Callable[[ToolCall], Any]) -> Breakpoint:
        """Before a call for which the function of the call is true is run."""
        text = f"call({getattr(predicate, '__name__', '…')})"
        return _point(
            text,
            "before",
            "tool",
            lambda m: m.call is not None and predicate(m.call),
            "call",
            predicate,
        )

    def problem(self, *codes: str) -> Breakpoint:
        """After an answer that has one of these problems, or any problem, before its tools run;
        also after a request that failed so.

        Raises:
            NotFound: no problem has this code.
        """
        for code in codes:
            if code not in SEVERITIES:
                close = (
                    ", ".join(get_close_matches(str(code), SEVERITIES, 3))
                    or "see agentkit.types.problem.SEVERITIES"
                )
                raise NotFound(f"no problem has the code {code!r}", hint=f"close to it: {close}")
        return _point(
            _call("problem", *codes),
            "after",
            "model",
            lambda m: any(
                (code in codes if codes else severity != "info") for code, severity in _troubles(m)
            ),
        )

    def tool_error(self, *names: str) -> Breakpoint:
        """After a call that gave no good result: an error, a timeout, an unknown tool, a call that
        could not be run.
        """
        text = _call("tool_error", *names)
        return _point(
            text,
            "after",
            "tool",
            lambda m: (
                m.result is not None
                and m.result.status in _FAILED
                and (not names or m.result.name in names)
            ),
        )

    def finish(self, reason: str, *others: str) -> Breakpoint:
        """After an answer that finished so: `length`, `stop`, `tool_calls`, or the server's own
        word.
        """
        reasons = (reason, *others)
        return _point(
            _call("finish", *reasons),
            "after",
            "model",
            lambda m: any(
                _said(m).finish_reason == word or means(_said(m).finish_reason, word)
                for word in reasons
            ),
        )

    def turn(self, number: int) -> Breakpoint:
        """Before the model is asked for this turn, counted from 0."""
        return _point(_call("turn", number), "before", "model", lambda m: m.turn == number)

    def text(self, part: str) -> Breakpoint:
        """After an answer whose text holds this, before its tools run."""
        return _point(
            _call("text", part), "after", "model", lambda m: part in (_said(m).content or "")
        )

    def repeat(self, times: int = 3) -> Breakpoint:
        """Before a call is run for the `times`-th time, turn after turn: a turn in which nothing
        says the same ends the count.
        """
        return _point(
            _call("repeat", times),
            "before",
            "tool",
            lambda m: m.call is not None and _repeats(m, m.call) >= times,
        )

    def recovered(self) -> Breakpoint:
        """After an answer with a call that was repaired, or found in the text, before its tools
        run.
        """
        return _point(
            "recovered()",
            "after",
            "model",
            lambda m: (
                bool(_said(m).recoverable)
                or any(
                    call.status == "repaired" or call.origin.startswith("content:")
                    for call in _said(m).tool_calls
                )
            ),
        )

    def __repr__(self) -> str:
        return (
            "<break_on: tool call problem tool_error finish turn text repeat recovered, or a"
            " function of a moment>"
        )


def _call(name: str, *arguments: Any) -> str:
    return f"{name}({', '.join(map(repr, arguments))})"


def _said(moment: Moment) -> Response:
    return moment.response or Response()


def _troubles(moment: Moment) -> Iterator[tuple[str, str]]:
    """Code and severity of what is wrong with an answer, or of why the request failed."""
    yield from ((p.code, p.severity) for p in _said(moment).all_problems)
    if moment.trajectory.error is not None:
        yield moment.trajectory.error.kind, "error"


def _repeats(moment: Moment, call: ToolCall) -> int:
    """How often a call has been made, up to this one, in the turns in a row that make it."""
    wanted = _wording(call)
    count = sum(_wording(c) == wanted for c in _said(moment).tool_calls[: call.position + 1])
    for turn in reversed(moment.trajectory.turns[: moment.turn]):
        same = sum(_wording(c) == wanted for c in turn.tool_calls)
        if not same:
            break
        count += same
    return count


def _wording(call: ToolCall) -> tuple[Any, ...]:
    return call.name, call.arguments, call.raw_arguments if call.arguments is None else None


break_on = BreakOn()
"""The breakpoints there are, as `ak.break_on.tool("pay")`."""
