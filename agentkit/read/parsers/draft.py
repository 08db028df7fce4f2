"""A call as a format reads it, and the `ToolCall` it becomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_call import make_call
from agentkit.types.answer import Policy, ToolCall
from agentkit.types.problem import Problem, problem


@dataclass(slots=True)
class Draft:
    """A call as it stands in the text."""

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


def truncated(start: int, end: int, name: str | None, arguments: str) -> Draft:
    """A call that the end of the text cut off."""
    fault = problem(
        "arguments_truncated",
        f"the call that starts at character {start} ends inside its arguments, at character {end}",
    )
    return Draft(start, end, name, arguments, fault=fault, whole=False)


def broken(start: int, end: int, name: str | None, arguments: str, why: str, at: int) -> Draft:
    """A call whose text does not follow its format."""
    fault = problem(
        "arguments_invalid_json",
        f"the call that starts at character {start} cannot be read: {why}, at character {at}",
    )
    return Draft(start, end, name, arguments, fault=fault, whole=False)


def to_call(
    draft: Draft, position: int, tools: KnownTools, policy: Policy, origin: str
) -> ToolCall:
    """The call, its name and arguments judged by the same rules as those of a server's
    `tool_calls`.
    """
    call = make_call(
        position,
        draft.name,
        draft.arguments,
        tools,
        policy,
        read=draft.value,
        raw_id=draft.id,
        origin=origin,
        span=(draft.start, draft.end),
        notes=draft.notes,
    )
    return call if draft.fault is None else _faulty(call, draft.fault)


def _faulty(call: ToolCall, fault: Problem) -> ToolCall:
    problems = (fault, *(p for p in call.problems if p.code.startswith("name_")))
    return replace(
        call,
        status="invalid",
        arguments=None,
        problems=problems,
        suggestion=call.suggestion or call.arguments or None,
    )
