"""One entry of `tool_calls` as a `ToolCall`: its name, id and arguments, each with what was wrong
about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from agentkit.read.calls.arguments import (
    Arguments,
    may_hold_tokens,
    read_arguments,
    read_tokens,
)
from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.calls.tool_name import read_name
from agentkit.types.answer import CallStatus, Policy, ToolCall
from agentkit.types.problem import Problem, problem
from agentkit.types.record import replace
from agentkit.types.words import shared

_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_WRAPPERS = ("tool_call", "function_call", "tool_use", "call_tool", "use_tool")


def read_calls(
    entry: Any,
    position: int,
    tools: KnownTools,
    policy: Policy,
    *,
    origin: str = "tool_calls",
    pointer: str = "",
) -> list[ToolCall]:
    """Read the calls one wire entry holds: one, or several where it is a wrapper around others.

    Args:
        entry: plain data (see `agentkit.read.plain`).
        position: where the first of them is among the message's calls.
    """
    shape: list[Problem] = []
    if isinstance(entry, str):
        entry = _loads(entry)
        shape.append(problem("tool_call_flat", "the call came as a text", pointer=pointer))
    if not isinstance(entry, dict):
        return [_nameless(entry, position, origin, pointer, shape)]
    if _is_custom(entry):
        return [_custom(entry, position, tools, origin, pointer)]
    name, arguments, where, flat = _parts(entry)
    shape.extend(flat(pointer))
    parts = [(_given(entry, ("id", "call_id", "tool_call_id")), name, arguments)]
    inner = list(_wrapped(name, arguments, tools))
    if inner:
        parts = [(entry.get("id") if i == 0 else None, *part) for i, part in enumerate(inner)]
        message = f"{name!r} wraps {len(inner)} calls; they are read one by one"
        shape.append(problem("wrapper_tool_call", message, pointer=pointer, before=name))
    calls = [
        make_call(
            position + i,
            part_name,
            part_arguments,
            tools,
            policy,
            raw_id=raw_id,
            origin=origin,
            pointer=f"{pointer}{where}",
            notes=tuple(shape),
        )
        for i, (raw_id, part_name, part_arguments) in enumerate(parts)
    ]
    extra = None if inner else entry.get("extra_content")
    return calls if extra is None else [replace(calls[0], extra_content=extra)]


def make_call(
    position: int,
    raw_name: Any,
    raw_arguments: Any,
    tools: KnownTools,
    policy: Policy,
    *,
    read: dict[str, Any] | None = None,
    raw_id: Any = None,
    origin: str = "tool_calls",
    span: tuple[int, int] | None = None,
    pointer: str = "",
    notes: tuple[Problem, ...] = (),
) -> ToolCall:
    """Make a call from its parts, its name and arguments read by the status table.

    The id is settled by `settle_ids`, which sees all calls of a message; here it is the server's
    own or "".

    Args:
        read: what `raw_arguments` means, where it is a text of another format than JSON.
    """
    raw_name = shared(raw_name) if type(raw_name) is str else raw_name
    name, name_problems = read_name(raw_name, tools, f"{pointer}/name" if pointer else "")
    at = f"{pointer}/arguments" if pointer else ""
    arguments = read_arguments(
        raw_arguments, read=read, parameters=tools.parameters(name), policy=policy, pointer=at
    )
    leaks, cleaned = _leaks(arguments, at)
    problems = (*notes, *name_problems, *arguments.problems, *leaks)
    status = _status(arguments.status, name, problems)
    runs = status != "invalid" and (policy != "strict" or status == "ok")
    value = arguments.value if runs else None
    return ToolCall(
        position=position,
        id=raw_id if isinstance(raw_id, str) else "",
        raw_id=raw_id,
        name=name,
        raw_name=raw_name,
        arguments=value,
        raw_arguments=arguments.raw,
        status=status,
        origin=origin,
        span=span,
        problems=problems,
        suggestion=_suggestion(arguments, value is None, cleaned),
    )


def _leaks(arguments: Arguments, pointer: str) -> tuple[tuple[Problem, ...], dict[str, Any] | None]:
    """Find tokens of a format in the values, and the arguments without them."""
    value, raw = arguments.value, arguments.raw
    if value is None or not (may_hold_tokens(raw) or "\\u003" in raw):
        return (), None
    return read_tokens(value, pointer)


def _suggestion(
    arguments: Arguments, stopped: bool, cleaned: dict[str, Any] | None
) -> dict[str, Any] | None:
    given = cleaned if arguments.suggestion is None else arguments.suggestion
    if given is not None or any(p.code == "arguments_schema" for p in arguments.problems):
        inner = _inner_arguments(given or arguments.value or {})
        given = given if inner is None else inner
    return arguments.value if stopped and given is None else given


def _inner_arguments(value: dict[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of a call that was taken for the arguments themselves; None where the
    value is no such wrapper.
    """
    inner = next((value[k] for k in ("arguments", "parameters") if k in value), None)
    wraps = isinstance(value.get("name"), str) and set(value) <= _OF_WRAPPER
    return inner if wraps and isinstance(inner, dict) else None


_OF_WRAPPER = {"name", "arguments", "parameters", "id", "type"}


def _status(status: CallStatus, name: str, problems: tuple[Problem, ...]) -> CallStatus:
    if not name:
        return "invalid"
    harmless = {"arguments_schema", "name_unknown"}
    return (
        "normalized" if status == "ok" and any(p.code not in harmless for p in problems) else status
    )


def cut_short(calls: list[ToolCall]) -> list[ToolCall]:
    """Mark the last call of an answer that broke off: where it has no arguments, they were still to
    come.
    """
    last = calls[-1] if calls else None
    if last is None or not any(
        p.code in ("arguments_null", "arguments_empty") for p in last.problems
    ):
        return calls
    cut = problem(
        "arguments_truncated",
        "the answer ends before the arguments begin",
        pointer=last.problems[-1].pointer,
    )
    kept = tuple(
        p
        for p in last.problems
        if p.code not in ("arguments_null", "arguments_empty", "arguments_not_object")
    )
    return [
        *calls[:-1],
        replace(last, arguments=None, status="invalid", problems=(*kept, cut), suggestion=None),
    ]


def settle_ids(
    calls: list[ToolCall], turn: int | None = None, unnamed: bool = False
) -> tuple[ToolCall, ...]:
    """Give the calls ids that are unique and non-empty: the server's own where it is, else
    `call_{turn}_{position}`, flagged.

    The synthetic id depends only on turn and position, so it is the same in the assistant message,
    in the tool message and in a re-run.

    Args:
        calls: the calls in order.
        turn: the turn's index.
        unnamed: whether a call may lack an id, as where another recorder kept none.
    """
    taken = {call.raw_id for call in calls if isinstance(call.raw_id, str) and call.raw_id.strip()}
    seen: set[str] = set()
    settled = []
    for call in calls:
        if not (isinstance(call.raw_id, str) and call.raw_id.strip()) or call.raw_id in seen:
            call = _labelled(call, _free_id(turn, call.position, taken), unnamed)
        taken.add(call.id)
        seen.add(call.id)
        settled.append(call)
    return tuple(settled)


def _labelled(call: ToolCall, label: str, unnamed: bool) -> ToolCall:
    """Put the call under a synthetic id; that a call in text, or in `function_call`, has none is no
    fault of its own.
    """
    in_text = call.origin.startswith(("content:", "reasoning:"))
    free = in_text or (unnamed and call.raw_id is None)
    expected = free or call.origin == "function_call"
    status: CallStatus = "normalized" if call.status == "ok" and not free else call.status
    problems = (
        call.problems
        if expected and call.raw_id is None
        else (*call.problems, _id_problem(call.raw_id))
    )
    return replace(call, id=label, id_synthetic=True, problems=problems, status=status)


def _free_id(turn: int | None, position: int, taken: set[str]) -> str:
    base = f"call_{position}" if turn is None else f"call_{turn}_{position}"
    return (
        base
        if base not in taken
        else next(name for i in count(1) if (name := f"{base}_{i}") not in taken)
    )


def _id_problem(given: Any) -> Problem:
    """Describe what is wrong with an id that cannot be used."""
    if given is None:
        return problem("id_missing", "the call has no id")
    if not isinstance(given, str):
        return problem("id_not_string", "the call's id is not a text", before=given)
    if not given.strip():
        return problem("id_empty", "the call's id is empty", before=given)
    return problem("id_duplicate", f"the id {given!r} stands on an earlier call too", before=given)


def _parts(entry: dict[str, Any]) -> tuple[Any, Any, str, Any]:
    """Find name, arguments, where they are, and a function that gives the problems of the entry's
    shape.
    """
    function = entry.get("function", entry.get("tool"))
    nested = isinstance(function, dict)
    holder: dict[str, Any] = function if isinstance(function, dict) else entry
    named = _given(holder, ("name", "tool_name"))
    name = (
        function if isinstance(function, str) else named if named is not None else entry.get("name")
    )
    key, source = next(
        ((k, h) for h in (holder, entry) for k in _ARGUMENT_KEYS if h.get(k) is not None),
        ("arguments", holder),
    )
    arguments = source.get(key)

    def shape(pointer: str) -> Iterator[Problem]:
        if not nested and (name is not None or arguments is not None):
            yield problem(
                "tool_call_flat",
                "name and arguments stand on the call itself, not under `function`",
                pointer=pointer,
            )
        if key != "arguments":
            at = f"{pointer}/function/{key}" if nested and source is holder else f"{pointer}/{key}"
            yield problem(
                "arguments_key_parameters", f"the arguments stand under {key!r}", pointer=at
            )

    return name, arguments, "/function" if nested else "", shape


def _given(entry: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """Return the value of the first of the keys that has one."""
    return next((entry[key] for key in keys if entry.get(key) is not None), None)


def _wrapped(name: Any, arguments: Any, tools: KnownTools) -> Iterator[tuple[Any, Any]]:
    """Find the calls inside a call that only wraps others: OpenAI's `multi_tool_use.parallel`, a
    tool named `tool_call`.
    """
    if not isinstance(name, str) or name in tools:
        return
    inner = _loads(arguments) if isinstance(arguments, str) else arguments
    if not isinstance(inner, dict):
        return
    uses = (
        inner.get("tool_uses")
        if name.removeprefix("functions.") in ("multi_tool_use.parallel", "multi_tool_use")
        else None
    )
    if isinstance(uses, list):
        for use in uses:
            use = use if isinstance(use, dict) else {}
            yield (
                use.get("recipient_name", use.get("name")),
                use.get("parameters", use.get("arguments")),
            )
    elif (
        name in _WRAPPERS
        and isinstance(inner.get("name"), str)
        and ("arguments" in inner or "parameters" in inner)
    ):
        yield inner["name"], inner.get("arguments", inner.get("parameters"))


def _is_custom(entry: dict[str, Any]) -> bool:
    kind, function, custom = entry.get("type"), entry.get("function"), entry.get("custom")
    return not isinstance(function, dict) and (
        isinstance(custom, dict) or kind in ("custom", "custom_tool_call")
    )


def _custom(
    entry: dict[str, Any], position: int, tools: KnownTools, origin: str, pointer: str
) -> ToolCall:
    holder = entry["custom"] if isinstance(entry.get("custom"), dict) else entry
    given = holder.get("input")
    text = (
        given
        if isinstance(given, str)
        else ""
        if given is None
        else json.dumps(given, ensure_ascii=False)
    )
    name, problems = read_name(holder.get("name"), tools, f"{pointer}/custom/name")
    raw_id = entry.get("id", entry.get("call_id"))
    return ToolCall(
        position=position,
        id=raw_id if isinstance(raw_id, str) else "",
        raw_id=raw_id,
        name=name,
        raw_name=holder.get("name"),
        arguments={"input": text} if name else None,
        raw_arguments=text,
        status="custom" if name else "invalid",
        origin=origin,
        problems=problems,
    )


def _nameless(
    entry: Any, position: int, origin: str, pointer: str, notes: list[Problem]
) -> ToolCall:
    missing = problem("name_missing", "the entry is not a call", pointer=pointer, before=entry)
    text = entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)
    return ToolCall(
        position=position,
        id="",
        name="",
        arguments=None,
        raw_arguments=text,
        status="invalid",
        origin=origin,
        problems=(*notes, missing),
    )


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
