"""The breakpoints that come with the package.

ak.break_on.tool("pay")                       before a call of pay is run
ak.break_on.tool("pay", where="amount > 100") where its arguments are such
ak.break_on.turn(5) | ak.break_on.problem()   either
ak.break_on.tool("pay") & ak.break_on.call(lambda call: call.arguments["amount"] > 100)
ak.break_on.request(where="temperature > 1")  before a request that asks for this leaves
ak.break_on(lambda context: len(context.trajectory.turns) > 3)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from agentkit.debugger.conditions import ArgumentCondition
from agentkit.dialects.chat.request_fields import TYPICAL
from agentkit.errors import NotFound, UnknownName, UsageError, checked_keywords, suggest
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
from agentkit.types.request import Request

KINDS = (
    *("tool", "problem", "tool_error", "finish", "turn", "text", "repeat", "recovered"),
    "request",
)
"""The kinds of breakpoints that can be asked for by name."""
_FAILED = ("error", "timeout", "invalid_call", "unknown_tool")


@checked_keywords
class BreakOn:
    """The breakpoints there are. Called with a function of a `BreakpointContext`, it stops after
    each step for which that is true.
    """

    makes_breakpoints = True
    """Says that it is no breakpoint itself."""

    def __call__(self, predicate: Predicate) -> Breakpoint:
        """Stop after each step for which the function is true; `.before()` asks it before."""
        return breakpoint_of(predicate)

    def tool(
        self,
        *names: str | Iterable[str],
        where: str | Callable[[dict[str, Any]], Any] | None = None,
    ) -> Breakpoint:
        """Stop before a call of one of these tools is run; of any tool without a name.

        Args:
            names: names of tools, one by one or in lists.
            where: a condition on the arguments, as text (`amount > 100`, `"@" in to`) or a function
                of the dict of them; a call whose arguments cannot be read has none.

        Raises:
            UsageError: the condition cannot be read.
        """
        wanted = _flat(names)
        condition = ArgumentCondition(where) if isinstance(where, str) else None
        asks = where if callable(where) else condition.holds if condition else None

        def calls_tool(context: BreakpointContext) -> bool:
            call = context.call
            if call is None or (wanted and call.name not in wanted):
                return False
            return asks is None or (call.arguments is not None and bool(asks(call.arguments)))

        point = _point("tool", wanted, "before", "tool", calls_tool, tools=wanted)
        if asks is None:
            return point
        shown = condition.text if condition else getattr(where, "__name__", "…")
        (rule,) = point.rules
        text = f"{rule.text[:-1]}{', ' if wanted else ''}where={shown!r})"
        arguments = condition.names if condition else ()
        key = (text,) if condition else (text, where)
        return replace(point, rules=(replace(rule, text=text, key=key, arguments=arguments),))

    def call(self, predicate: Callable[[ToolCall], Any]) -> Breakpoint:
        """Stop before a call for which the function of the call is true is run."""

        def call_fits(context: BreakpointContext) -> bool:
            return context.call is not None and bool(predicate(context.call))

        text = f"call({getattr(predicate, '__name__', '…')})"
        key = ("call", predicate)
        rule = Rule(text=text, when="before", of="tool", key=key, holds=call_fits)
        return Breakpoint(rules=(rule,))

    def request(
        self,
        *models: str | Iterable[str],
        where: str | Callable[[Request], Any] | None = None,
    ) -> Breakpoint:
        """Stop before one of these models is asked; any model without a name.

        Args:
            models: names of models, one by one or in lists.
            where: a condition on the fields of the request's body in chat form, as text
                (`temperature > 1`, `len(messages) > 20`), or a function of the `Request`.

        Raises:
            UsageError: the condition cannot be read, or raises on every request.
        """
        wanted = _flat(models)
        condition = _request_condition(where) if isinstance(where, str) else None

        def asks_so(context: BreakpointContext) -> bool:
            asked = context.trajectory.request(context.turn)
            if wanted and asked.model not in wanted:
                return False
            if condition is not None:
                return condition.holds(_fields(asked))
            return where is None or bool(callable(where) and where(asked))

        (rule,) = _point("request", wanted, "before", "model", asks_so).rules
        rule = replace(rule, models=wanted, fields=condition.names if condition else ())
        if where is None:
            return Breakpoint(rules=(rule,))
        shown = condition.text if condition else getattr(where, "__name__", "…")
        text = f"{rule.text[:-1]}{', ' if wanted else ''}where={shown!r})"
        key = (text,) if condition else (text, where)
        return Breakpoint(rules=(replace(rule, text=text, key=key),))

    def problem(self, *codes: str | Iterable[str]) -> Breakpoint:
        """Stop after an answer that has one of these problems, or any problem, before its tools
        run; also after a request that failed so.

        Raises:
            NotFound: no problem has this code.
        """
        wanted = _flat(codes)
        for code in wanted:
            if code not in SEVERITIES:
                raise NotFound(
                    f"no problem has the code {code!r}",
                    hint=suggest(code, SEVERITIES, "see agentkit.types.problem.SEVERITIES"),
                )

        def has_problem(context: BreakpointContext) -> bool:
            if wanted:
                return any(code in wanted for code, _ in _problems(context))
            return any(severity != "info" for _, severity in _problems(context))

        return _point("problem", wanted, "after", "model", has_problem)

    def tool_error(self, *names: str | Iterable[str]) -> Breakpoint:
        """Stop after a call that gave no good result: an error, a timeout, an unknown tool, a call
        that could not be run.
        """
        wanted = _flat(names)

        def call_failed(context: BreakpointContext) -> bool:
            result = context.result
            if result is None or result.status not in _FAILED:
                return False
            return not wanted or result.name in wanted

        return _point("tool_error", wanted, "after", "tool", call_failed, tools=wanted)

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
        """Stop before the model is asked for this turn, counted from 0.

        Raises:
            UsageError: it is no number of a turn.
        """
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise UsageError(f"{number!r:.80} is no turn", hint="turns count from 0: turn(2)")

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

    def named(self, kind: str, value: str = "", where: str = "") -> Breakpoint:
        """Make the breakpoint that a form asks for: a kind and texts.

        Args:
            kind: `tool`, `problem`, `tool_error`, `finish`, `turn`, `text`, `repeat`, `recovered`,
                `request`.
            value: what the kind takes; several names or codes have a comma between them.
            where: a condition on the arguments, for `tool`; on the fields, for `request`.

        Raises:
            NotFound: there is no such kind or code.
            UsageError: the kind needs another value, or takes no condition.
        """
        value, where = value.strip(), where.strip()
        several = [part for part in (p.strip() for p in value.split(",")) if part]
        if where and kind not in ("tool", "request"):
            raise UsageError("only a breakpoint on a tool or a request has a condition")
        match kind:
            case "request":
                return self.request(several, where=where or None)
            case "tool":
                return self.tool(several, where=where or None)
            case "problem" | "tool_error":
                return self.problem(several) if kind == "problem" else self.tool_error(several)
            case "finish" | "text" if value:
                return self.finish(*several) if kind == "finish" else self.text(value)
            case "turn" | "repeat" if value.isdecimal():
                return self.turn(int(value)) if kind == "turn" else self.repeat(int(value))
            case "recovered":
                return self.recovered()
        if kind not in KINDS:
            raise NotFound(
                f"there is no breakpoint on {kind!r}",
                hint=suggest(kind, KINDS, f"there are: {', '.join(KINDS)}"),
            )
        raise UsageError(
            f"a breakpoint on {kind!r} needs another value than {value!r}",
            hint="a turn is a number, a text is not empty",
        )

    if not TYPE_CHECKING:  # a type checker should go on reporting names that are not there

        def __getattr__(self, name: str) -> NoReturn:
            known = [n for n in dir(type(self)) if not n.startswith(("_", "makes"))]
            hint = suggest(name, known, f"there are: {self!r}", show=lambda n: f"ak.break_on.{n}")
            raise UnknownName(f"break_on has no {name!r}", hint=hint)

    def __repr__(self) -> str:
        return (
            "<break_on: tool call problem tool_error finish turn text repeat recovered request, or"
            " a function of a moment>"
        )


def _flat(names: Iterable[str | Iterable[str]]) -> tuple[str, ...]:
    """List names that were given one by one or in lists, each once."""
    several = ((name,) if isinstance(name, str) else name for name in names)
    return tuple(dict.fromkeys(name for part in several for name in part))


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


def _request_condition(text: str) -> ArgumentCondition:
    """Read a condition on the fields of a request.

    Raises:
        UsageError: it cannot be read, or compares what can never be compared so.
    """
    condition = ArgumentCondition(text)
    try:
        condition.holds(TYPICAL)
    except Exception as exc:
        raise UsageError(
            f"the condition {condition.text!r} fails on every request: {type(exc).__name__}: {exc}",
            hint="model is a text, temperature a number, messages and tools are lists:"
            " 'gpt' in model, temperature > 1, len(messages) > 20",
        ) from None
    return condition


def _fields(request: Request) -> dict[str, Any]:
    """List the fields of a request that a condition asks about."""
    listed = {"messages": list(request.messages), "tools": list(request.tools)}
    return {"model": request.model, **listed, **request.sampling}


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
