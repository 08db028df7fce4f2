"""What a person writes of a call, against the tools that the agent offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentkit.errors import NotFound, UnknownKeyword, UsageError, suggest
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.validation import check_schema
from agentkit.types.answer import ToolCall

_FORCE = "force=True has it as it is written"


def new_arguments(
    calls: Sequence[ToolCall],
    place: int,
    arguments: Any,
    named: Mapping[str, Any],
    tools: KnownTools,
) -> Any:
    """Put together the arguments that a call is to have.

    Args:
        calls: the calls of the answer.
        place: which of them, from 0.
        arguments: in place of all its arguments; None keeps them.
        named: arguments in place of those of the same name.
        tools: what the request offers.

    Raises:
        NotFound: there is no such call.
        UnknownKeyword: the tool has no argument of a name.
    """
    if not -len(calls) <= place < len(calls):
        raise NotFound(f"the answer has no call {place}", hint=f"it has {len(calls)}, from 0")
    call = calls[place]
    given = (call.arguments or {}) if arguments is None else arguments
    if not named or not isinstance(given, Mapping):
        return given
    _check_names(call.name, [name for name in named if name not in given], given, tools)
    return {**given, **named}


def check_arguments(call: ToolCall, arguments: Any, tools: KnownTools) -> None:
    """Refuse arguments in place of those of a call, where the tool's schema does not take them.
    What the model itself got wrong may stay so.

    Raises:
        UsageError: one is missing, unknown, or of another type.
    """
    if not isinstance(arguments, Mapping):
        return
    was = call.arguments
    schema = tools.parameters(call.name) or {}
    _check_names(call.name, [name for name in arguments if name not in (was or {})], {}, tools)
    required = schema.get("required")
    missing = [
        name
        for name in (required if isinstance(required, (list, tuple)) else ())
        if name not in arguments and (was is None or name in was)
    ]
    if missing:
        raise UsageError(
            f"the call of {call.name!r} lacks {_listed(missing)}",
            hint=f"arguments= replaces all: give all of them, or one alone by its name,"
            f" change({_one(arguments)}); {_FORCE}",
        )
    known = {(p.pointer, p.message) for p in check_schema(was or {}, schema, "")[0]}
    for found in check_schema(dict(arguments), schema, "")[0]:
        if (found.pointer, found.message) not in known:
            raise UsageError(
                f"the arguments do not fit the tool {call.name!r}: {found.message}", hint=_FORCE
            )


def check_call(call: ToolCall, tools: KnownTools) -> None:
    """Refuse a call that a person writes, where the request offers no such tool, or one with other
    arguments.

    Raises:
        NotFound: no tool has this name.
        UsageError: an argument is missing, unknown, or of another type.
    """
    if not list(tools):
        return
    if call.name not in tools:
        offered = f"it offers: {', '.join(sorted(tools))}"
        raise NotFound(
            f"the request offers no tool {call.name!r}",
            hint=f"{suggest(call.name, tools, offered)} {_FORCE}",
        )
    if call.arguments is not None:
        schema = tools.parameters(call.name) or {}
        _check_names(call.name, call.arguments, {}, tools)
        for found in check_schema(call.arguments, schema, "")[0]:
            raise UsageError(
                f"the call does not fit the tool {call.name!r}: {found.message}", hint=_FORCE
            )


def _check_names(
    tool: str, names: Iterable[str], given: Mapping[str, Any], tools: KnownTools
) -> None:
    """Refuse names that the tool does not have; where nobody knows its schema, names that are not
    given yet.
    """
    if tools.parameters(tool) is None:
        for name in names if given else ():
            raise UnknownKeyword(
                f"the call of {tool!r} has no argument {name!r}",
                hint=suggest(name, given, f"it has: {', '.join(map(str, given))}"),
            )
        return
    try:
        tools.check_names(tool, names)
    except UnknownKeyword as error:
        raise UnknownKeyword(error.message, hint=f"{error.hint} {_FORCE}") from None


def _listed(names: Sequence[Any]) -> str:
    return ", ".join(repr(name) for name in names)


def _one(arguments: Mapping[str, Any]) -> str:
    """Write the first argument as a keyword."""
    first = next((name for name in arguments if str(name).isidentifier()), None)
    return "amount=5" if first is None else f"{first}={arguments[first]!r:.40}"
