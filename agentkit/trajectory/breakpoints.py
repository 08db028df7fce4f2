"""Where a run stops: before a step, or after its outcome. A breakpoint is a value; it is asked, and
changes nothing. Those that come with the package are in `agentkit.debugger.break_on`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field, replace
from typing import Any, Literal

from agentkit.errors import UsageError, raised_at
from agentkit.types.answer import Response, ToolCall
from agentkit.types.record import Record, clip, record
from agentkit.types.steps import Outcome, Result, Step, ToolStep
from agentkit.types.trajectory import ToolResult, Trajectory
from agentkit.types.words import type_in_words

When = Literal["before", "after"]


@record
class BreakpointContext(Record):
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


Predicate = Callable[[BreakpointContext], Any]
_ORDER = {
    (of, when): i
    for i, (of, when) in enumerate(
        (of, when) for of in ("any", "model", "tool") for when in ("before", "after")
    )
}
"""When a rule is looked at, in the order of a turn; any comes first, as it fits every other."""


@record
class Rule(Record):
    """One condition and the moments at which it is looked at."""

    text: str
    when: When
    of: Literal["model", "tool", "any"]
    """The kind of step it looks at."""
    key: tuple[Any, ...] = ()
    """What it is compared by."""
    tools: tuple[str, ...] = ()
    """Names of the tools it waits for; without one, any."""
    arguments: tuple[str, ...] = ()
    """Names of the arguments that it asks about."""
    fields: tuple[str, ...] = ()
    """Names of the fields of a request that it asks about."""
    models: tuple[str, ...] = ()
    """Names of the models it waits for; without one, any."""
    holds: Predicate = field(compare=False)

    def __call__(self, context: BreakpointContext) -> bool:
        kind = "tool" if isinstance(context.step, ToolStep) else "model"
        return context.when == self.when and self.of in (kind, "any") and bool(self.holds(context))

    def both(self, other: Rule) -> Rule:
        """Join two rules. The later of the two decides when they are looked at, for by then the
        earlier is known; a function goes with the other one.
        """
        later = max(self, other, key=lambda rule: _ORDER[rule.of, rule.when])

        def holds(context: BreakpointContext) -> bool:
            return bool(self.holds(context)) and bool(other.holds(context))

        return replace(
            later,
            text=f"{self.text} & {other.text}",
            key=(*self.key, "&", *other.key),
            tools=(*self.tools, *other.tools),
            arguments=(*self.arguments, *other.arguments),
            fields=(*self.fields, *other.fields),
            models=(*self.models, *other.models),
            holds=holds,
        )


@record
class Breakpoint(Record):
    """Where to stop. `a | b` is either of two, `a & b` both at once; `.before()` and `.after()`
    move it to the other side of the step.
    """

    rules: tuple[Rule, ...]
    requires_approval: bool = False
    """Whether going on does not pass it: only a step, or `dbg.pending.run`, takes the
    step behind it.
    """
    hint: str = field(default="", compare=False)
    """What to do where it stops."""

    @property
    def text(self) -> str:
        """What it stops at, in words."""
        return " | ".join(rule.text for rule in self.rules)

    @property
    def sides(self) -> str:
        """Whether it stops before a step or after it."""
        return " and ".join(dict.fromkeys(rule.when for rule in self.rules))

    def before(self) -> Breakpoint:
        """Copy the breakpoint, asked before the step."""
        return replace(self, rules=tuple(replace(rule, when="before") for rule in self.rules))

    def after(self) -> Breakpoint:
        """Copy the breakpoint, asked after the step's outcome."""
        return replace(self, rules=tuple(replace(rule, when="after") for rule in self.rules))

    def __or__(self, other: Any) -> Breakpoint:
        return replace(self, rules=(*self.rules, *breakpoint_of(other).rules))

    __ror__ = __or__

    def __and__(self, other: Any) -> Breakpoint:
        return replace(
            self, rules=tuple(a.both(b) for a in self.rules for b in breakpoint_of(other).rules)
        )

    __rand__ = __and__

    def matches(self, context: BreakpointContext) -> bool:
        """Tell whether a run stops here."""
        return any(rule(context) for rule in self.rules)

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
    hint: str = ""
    """What to do now; "" where that is a person's to say."""

    def summary(self) -> str:
        return self.text


def stop_at(context: BreakpointContext, breakpoints: Iterable[Breakpoint]) -> Stop | None:
    """Find the first breakpoint that stops here; None where none does. A predicate that raises
    stops the run too, with its error.
    """
    for point in breakpoints:
        error = None
        try:
            if not point.matches(context):
                continue
        except Exception as exc:
            # a predicate is the user's code: its fault must be seen, and must not cost the step
            error = clip(f"{type(exc).__name__}: {exc}{raised_at(exc)}", 300)
        call = context.call
        where = f"stopped {context.when} {context.step.summary()}"
        words = f"{point.text} raised {error}" if error else point.text
        text = "; ".join(filter(None, (f"{where}: {words}", point.hint)))
        return Stop(
            text=text,
            breakpoint=point,
            turn=context.turn,
            call=call.position if call else None,
            when=context.when,
            error=error,
            hint=point.hint,
        )
    return None


def breakpoint_of(value: Any) -> Breakpoint:
    """Make a breakpoint of a function of a `BreakpointContext`, asked after each step; a breakpoint
    is returned as it is.

    Raises:
        UsageError: it is neither.
    """
    if isinstance(value, Breakpoint):
        return value
    if getattr(getattr(value, "__self__", value), "makes_breakpoints", False):
        name = getattr(value, "__name__", "tool")
        raise UsageError(
            f"ak.break_on.{name} makes breakpoints, and is none",
            hint=f"call it: ak.break_on.{name}(…)",
        )
    if callable(value):
        name = getattr(value, "__name__", type(value).__name__)
        rule = Rule(text=name, when="after", of="any", key=(value,), holds=value)
        return Breakpoint(rules=(rule,))
    hint = "pass ak.break_on.tool('pay'), or a function of a moment that says whether to stop"
    raise UsageError(f"{type_in_words(value)} is no breakpoint", hint=hint)


def breakpoints_of(value: Any) -> tuple[Breakpoint, ...]:
    """List one breakpoint, a predicate, several of them, or none."""
    if value is None:
        return ()
    several = (
        isinstance(value, Iterable) and not isinstance(value, (str, bytes)) and not callable(value)
    )
    return tuple(map(breakpoint_of, value)) if several else (breakpoint_of(value),)
