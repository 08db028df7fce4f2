"""The breakpoints that come with the package.

ak.break_on.tool("pay")                       before a call of pay is run
ak.break_on.turn(5) | ak.break_on.problem()   either
ak.break_on.tool("pay") & ak.break_on.call(lambda call: call.arguments["amount"] > 100)
ak.break_on(lambda context: len(context.trajectory.turns) > 3)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from agentkit.errors import NotFound, UnknownName, checked_keywords, suggest
from agentkit.read.body.finish_words import means
from agentkit.trajectory.breakpoints import (
    Breakpoint,
    BreakpointContext,
    Predicate,
    Rule,
    When,
    breakpoint_of,
)
from agentkit.types.answer import Response, ToolCall
from agentkit.types.problem import SEVERITIES

_FAILED = ("error", "timeout", "invalid_call", "unknown_tool")


@checked_keywords
class BreakOn:
    """The breakpoints there are. Called with a function of a `BreakpointContext`, it stops after
    each step for which that is true.
    """

    def __call__(self, predicate: Predicate) -> Breakpoint:
        """Stop after each step for which the function is true; `.before()` asks it before."""
        return breakpoint_of(predicate)

    def tool(self, *names: str) -> Breakpoint:
        """Stop before a call of one of these tools is run; of any tool without a name."""

        def calls_tool(context: BreakpointContext) -> bool:
            return context.call is not None and (not names or context.call.name in names)

        return _point("tool", names, "before", "tool", calls_tool, tools=names)

    def call(self, predicate: Callable[[ToolCall], Any]) -> Breakpoint:
        """Stop before a call for which the function of the call is true is run."""

        def call_fits(context: BreakpointContext) -> bool:
            return context.call is not None and bool(predicate(context.call))

        text = f"call({getattr(predicate, '__name__', '…')})"
        key = ("call", predicate)
        rule = Rule(text=text, when="before", of="tool", key=key, holds=call_fits)
        return Breakpoint(rules=(rule,))

    def problem(self, *codes: str) -> Breakpoint:
        """Stop after an answer that has one of these problems, or any problem, before its tools
        run; also after a request that failed so.

        Raises:
            NotFound: no problem has this code.
        """
        for code in codes:
            if code not in SEVERITIES:
                raise NotFound(
                    f"no problem has the code {code!r}",
                    hint=suggest(code, SEVERITIES, "see agentkit.types.problem.SEVERITIES"),
                )

        def has_problem(context: BreakpointContext) -> bool:
            if codes:
                return any(code in codes for code, _ in _problems(context))
            return any(severity != "info" for _, severity in _problems(context))

        return _point("problem", codes, "after", "model", has_problem)

    def tool_error(self, *names: str) -> Breakpoint:
        """Stop after a call that gave no good result: an error, a timeout, an unknown tool, a call
        that could not be run.
        """

        def call_failed(context: BreakpointContext) -> bool:
            result = context.result
            if result is None or result.status not in _FAILED:
                return False
            return not names or result.name in names

        return _point("tool_error", names, "after", "tool", call_failed, tools=names)

    def finish(self, reason: str, *others: str) -> Breakpoint:
        """Stop after an answer that finished so: `length`, `stop`, `tool_calls`, or the server's
        own word.
        """
        reasons = (reason, *others)

        def finished_so(context: BreakpointContext) -> bool:
            given = _answer(context).finish_reason
            return any(given == word or means(given, word) for word in reasons)

        return _point("finish", reasons, "after", "model", finished_so)

    def turn(self, number: int) -> Breakpoint:
        """Stop before the model is asked for this turn, counted from 0."""

        def is_turn(context: BreakpointContext) -> bool:
            return context.turn == number

        return _point("turn", (number,), "before", "model", is_turn)

    def text(self, part: str) -> Breakpoint:
        """Stop after an answer whose text holds this, before its tools run."""

        def text_holds(context: BreakpointContext) -> bool:
            return part in (_answer(context).content or "")

        return _point("text", (part,), "after", "model", text_holds)

    def repeat(self, times: int = 3) -> Breakpoint:
        """Stop before a call is run for the `times`-th time, turn after turn: a turn that does not
        make the same call ends the count.
        """

        def repeats(context: BreakpointContext) -> bool:
            return context.call is not None and _repeats(context, context.call) >= times

        return _point("repeat", (times,), "before", "tool", repeats)

    def recovered(self) -> Breakpoint:
        """Stop after an answer with a call that was repaired, or found in the text, before its
        tools run.
        """

        def was_recovered(context: BreakpointContext) -> bool:
            answer = _answer(context)
            return bool(answer.recoverable) or any(map(_is_recovered, answer.tool_calls))

        return _point("recovered", (), "after", "model", was_recovered)

    if not TYPE_CHECKING:  # a type checker should go on reporting names that are not there

        def __getattr__(self, name: str) -> NoReturn:
            known = [n for n in dir(type(self)) if not n.startswith("_")]
            hint = suggest(name, known, f"there are: {self!r}", show=lambda n: f"ak.break_on.{n}")
            raise UnknownName(f"break_on has no {name!r}", hint=hint)

    def __repr__(self) -> str:
        return (
            "<break_on: tool call problem tool_error finish turn text repeat recovered, or a"
            " function of a moment>"
        )


def _point(
    name: str,
    arguments: tuple[Any, ...],
    when: When,
    of: Literal["model", "tool"],
    holds: Predicate,
    *,
    tools: tuple[str, ...] = (),
) -> Breakpoint:
    """Make a breakpoint of one rule, which is equal to another of the same name and arguments."""
    text = f"{name}({', '.join(map(repr, arguments))})"
    rule = Rule(text=text, when=when, of=of, key=(text,), tools=tools, holds=holds)
    return Breakpoint(rules=(rule,))


def _answer(context: BreakpointContext) -> Response:
    return context.response or Response()


def _problems(context: BreakpointContext) -> Iterator[tuple[str, str]]:
    """Walk code and severity of what is wrong with an answer, or of why the request failed."""
    yield from ((p.code, p.severity) for p in _answer(context).all_problems)
    if context.trajectory.error is not None:
        yield context.trajectory.error.kind, "error"


def _is_recovered(call: ToolCall) -> bool:
    return call.status == "repaired" or call.origin.startswith("content:")


def _repeats(context: BreakpointContext, call: ToolCall) -> int:
    """Count how often a call has been made, up to this one, in the turns in a row that make it."""
    wanted = _wording(call)
    count = sum(_wording(c) == wanted for c in _answer(context).tool_calls[: call.position + 1])
    for turn in reversed(context.trajectory.turns[: context.turn]):
        same = sum(_wording(c) == wanted for c in turn.tool_calls)
        if not same:
            break
        count += same
    return count


def _wording(call: ToolCall) -> tuple[Any, ...]:
    return call.name, call.arguments, call.raw_arguments if call.arguments is None else None


break_on = BreakOn()
"""The breakpoints there are, as `ak.break_on.tool("pay")`."""
