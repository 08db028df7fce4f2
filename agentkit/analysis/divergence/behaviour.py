"""What the model did, as far as nothing below explains it. One answer proves nothing here; only
repeats do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any

from agentkit.analysis.alignment import CallPair, align_calls, call_meaning, plain_name
from agentkit.analysis.divergence.answer_view import AnswerView
from agentkit.analysis.divergence.traits import Trait

_ECHOED = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "max_tokens",
    "max_new_tokens",
)


def outcome(view: AnswerView) -> Hashable:
    """Summarize what an answer did: its calls as a set with their values, or that it made none.

    Returns:
        A key that is equal for answers that mean the same.
    """
    counted = Counter(call_meaning(call, view.tools) for call in view.calls)
    return frozenset(counted.items())


def tool_selection(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find tools that only one side calls; that one side has no such tool is said."""
    mine, theirs = _tools(view), _tools(other)
    if mine == theirs or _one_by_one(view, other):
        return
    if not mine:
        custom = theirs and all(call.status == "custom" for call in other.calls)
        cause = "calls no tool; the other side calls custom tools" if custom else "calls no tool"
        lacks = _lacks(view, other)
        cause = f"calls no tool: its request has no {lacks}" if lacks else cause
        yield Trait(("calls", False), view.at("content"), cause, fault=False, hint=_to_give(lacks))
    elif not theirs:
        names = ", ".join(sorted(call.name for call in view.calls))
        yield Trait(("calls", True), view.at("tool_calls"), f"calls {names}", fault=False)
    else:
        for call in view.calls:
            name = plain_name(call.name)
            if name not in theirs:
                at = view.at(f"tool_calls/{call.position}")
                lacks = _lacks(other, view, call.name)
                more = ", which is no tool of the other side's request" if lacks else ""
                cause, hint = f"calls {call.name}{more}", _to_give(lacks)
                yield Trait(("tool", name), at, cause, fault=False, hint=hint)


def _lacks(view: AnswerView, other: AnswerView, only: str | None = None) -> str:
    """Name the tools that the other side calls and has, and this one could not call; "" where the
    request is not known, or has them.
    """
    if view.tools is None and (not view.asked or view.exchange.elapsed is None):
        return ""  # rows of a file may leave out what tools there were
    has, theirs = {plain_name(name) for name in view.tools or ()}, other.tools
    called = (call for call in other.calls if call.status != "custom")
    names = [call.name for call in called if only in (None, call.name)]
    known = [name for name in names if theirs is None or name in theirs]
    return ", ".join(dict.fromkeys(name for name in known if plain_name(name) not in has))


def _to_give(names: str) -> str:
    return f"give that side the tool: ak.Agent(…, tools=[{names}])" if names else ""


def _tools(view: AnswerView) -> set[str]:
    return {plain_name(call.name) for call in view.calls}


def _one_by_one(view: AnswerView, other: AnswerView) -> bool:
    """Tell whether all calls of one side are among the other's: it seems to make them one by one
    instead of together.
    """
    fewer, more = sorted((view, other), key=lambda side: len(side.calls))
    if not fewer.calls or len(fewer.calls) == len(more.calls):
        return False
    return all(
        pair.kind in ("same", "moved", "extra")
        for pair in align_calls(fewer.calls, more.calls, view.tools)
    )


def parallel_calls(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Compare how many calls one turn makes of the same tools."""
    if not view.calls or not other.calls or len(view.calls) == len(other.calls):
        return
    if _tools(view) == _tools(other) or _one_by_one(view, other):
        number = len(view.calls)
        repeated = number - len({call_meaning(call, view.tools) for call in view.calls})
        cause = f"{number} calls in one turn"
        if repeated:
            cause += f", {repeated} of them repeated"
        yield Trait(("calls", number), view.at("tool_calls"), cause, fault=bool(repeated))


def arguments_value(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find values of the same tool's arguments that mean something else."""
    for pair in _readable_pairs(view, other):
        call = pair.left
        if call is None:
            continue
        at = view.at(f"tool_calls/{call.position}/function/arguments")
        for change in pair.changes:
            key = (call.position, change.pointer, repr(change.before), repr(change.after))
            place = " ".join(filter(None, (call.name, change.pointer)))
            yield Trait(key, at, f"{place} is {change.before!r}", fault=False)


def _readable_pairs(view: AnswerView, other: AnswerView) -> Iterator[CallPair]:
    """Pair the calls that both sides made with arguments that could be read."""
    if not view.calls or not other.calls:
        return
    for pair in align_calls(view.calls, other.calls, view.tools):
        both = (pair.left, pair.right)
        if all(call is not None and call.arguments is not None for call in both):
            yield pair


def arguments_schema(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find arguments that do not fit the schema of their tool."""
    for call in view.calls:
        for p in call.problems:
            if p.code == "arguments_schema" and other.calls:
                whole = view.at(f"tool_calls/{call.position}/function/arguments")
                inside = p.pointer.removeprefix(whole)
                yield Trait((plain_name(call.name), inside), whole, f"{call.name}: {p.message}")


def tool_choice_semantics(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find a tool_choice that was not obeyed."""
    choice: Any = (view.asked or other.asked).get("tool_choice")
    named = _named_tool(choice)
    if isinstance(choice, dict) and not named:
        choice = {"any": "required"}.get(str(choice.get("type")), choice.get("type"))
    if choice == "none" and view.calls:
        yield Trait("none", view.at("tool_calls"), "tool_choice='none', and tools are called")
    if (choice == "required" or named) and not view.calls:
        cause = f"tool_choice={named or choice!r}, and no tool is called"
        yield Trait("required", view.at("content"), cause)
    if named and any(call.name != named for call in view.calls):
        cause = f"tool_choice names {named}, and another tool is called"
        yield Trait("named", view.at("tool_calls"), cause)


def _named_tool(choice: Any) -> Any:
    """Read the tool that a tool_choice names, in the nested form or the flat one."""
    if not isinstance(choice, dict):
        return None
    function = choice.get("function", choice)
    return function.get("name") if isinstance(function, dict) else None


def sampling_defaults(view: AnswerView, other: AnswerView) -> Iterator[Trait]:
    """Find settings that the answer reports although the request left them open, and an end at the
    server's own limit.
    """
    mine, theirs = _echoed(view), _echoed(other)
    for name in mine.keys() & theirs.keys():
        if view.asked.get(name) is None:
            at = f"/{name}" if name in view.envelope.body else ""
            yield Trait((name, float(mine[name])), at, f"{name} is {mine[name]}", fault=False)
    limited = {"max_tokens", "max_completion_tokens"} & view.asked.keys()
    if view.asked and not limited and view.ending == "length":
        cause = "without max_tokens the answer ends at a limit of the server's own"
        yield Trait("length", view.finish_pointer, cause, fault=False)


def _echoed(view: AnswerView) -> dict[str, Any]:
    """Collect the settings that the answer repeats."""
    body = view.envelope.body
    found: dict[str, Any] = {}
    for name in ("sampling_params", "generation_config"):
        if isinstance(body.get(name), dict):
            found.update(body[name])
    found.update(body)
    return {name: found[name] for name in _ECHOED if isinstance(found.get(name), (int, float))}
