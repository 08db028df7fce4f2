"""What the model did, as far as nothing below explains it. One answer shows nothing here; only
repeats do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any

from agentkit.analysis.alignment import CallPair, align_calls, call_meaning, plain_name
from agentkit.analysis.divergence.seen import Seen
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


def outcome(seen: Seen) -> Hashable:
    """What an answer did, the same for answers that mean the same: the calls as a set with their
    values, or that it called nothing.
    """
    counted = Counter(call_meaning(call, seen.tools) for call in seen.calls)
    return frozenset(counted.items())


def tool_selection(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Which tools are called."""
    mine, theirs = _tools(seen), _tools(other)
    if mine == theirs or _one_by_one(seen, other):
        return
    if not mine or not theirs:
        told = (
            f"calls {', '.join(sorted(call.name for call in seen.calls))}"
            if mine
            else "calls no tool"
        )
        yield Trait(
            ("calls", bool(mine)),
            seen.at("tool_calls") if mine else seen.at("content"),
            told,
            fault=False,
        )
        return
    for call in seen.calls:
        if plain_name(call.name) not in theirs:
            yield Trait(
                ("tool", plain_name(call.name)),
                seen.at(f"tool_calls/{call.position}"),
                f"calls {call.name}",
                fault=False,
            )


def _tools(seen: Seen) -> set[str]:
    return {plain_name(call.name) for call in seen.calls}


def _one_by_one(seen: Seen, other: Seen) -> bool:
    """Whether one side's calls are some of the other's, all the same: made one by one, it seems,
    instead of together.
    """
    fewer, more = sorted((seen, other), key=lambda side: len(side.calls))
    if not fewer.calls or len(fewer.calls) == len(more.calls):
        return False
    return all(
        pair.kind in ("same", "moved", "extra")
        for pair in align_calls(fewer.calls, more.calls, seen.tools)
    )


def parallel_calls(seen: Seen, other: Seen) -> Iterator[Trait]:
    """How many calls one turn makes, of the same tools."""
    if not seen.calls or not other.calls or len(seen.calls) == len(other.calls):
        return
    if _tools(seen) == _tools(other) or _one_by_one(seen, other):
        repeated = len(seen.calls) - len({call_meaning(call, seen.tools) for call in seen.calls})
        told = (
            f"{len(seen.calls)} calls in one"
            f" turn{f', {repeated} of them repeated' if repeated else ''}"
        )
        yield Trait(("calls", len(seen.calls)), seen.at("tool_calls"), told, fault=bool(repeated))


def arguments_value(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Values of the same tool's arguments that mean something else."""
    for pair in _pairs(seen, other):
        for change in pair.changes:
            if pair.left is not None and pair.right is not None:
                at = seen.at(f"tool_calls/{pair.left.position}/function/arguments")
                key = (pair.left.position, change.pointer, repr(change.before), repr(change.after))
                yield Trait(
                    key,
                    at,
                    f"{pair.left.name}{change.pointer and ' ' + change.pointer} is"
                    f" {change.before!r}",
                    fault=False,
                )


def _pairs(seen: Seen, other: Seen) -> Iterator[CallPair]:
    if seen.calls and other.calls:
        both = (
            pair
            for pair in align_calls(seen.calls, other.calls, seen.tools)
            if pair.left and pair.right
        )
        yield from (
            pair
            for pair in both
            if pair.left
            and pair.right
            and pair.left.arguments is not None
            and pair.right.arguments is not None
        )


def arguments_schema(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Arguments that do not fit the schema of their tool."""
    for call in seen.calls:
        for p in call.problems:
            if p.code == "arguments_schema" and other.calls:
                whole = seen.at(f"tool_calls/{call.position}/function/arguments")
                inside = p.pointer.removeprefix(whole)
                yield Trait((plain_name(call.name), inside), whole, f"{call.name}: {p.message}")


def tool_choice_semantics(seen: Seen, other: Seen) -> Iterator[Trait]:
    """A tool_choice that was not obeyed."""
    choice: Any = (seen.asked or other.asked).get("tool_choice")
    named = (
        choice.get("function", choice).get("name")
        if isinstance(choice, dict) and isinstance(choice.get("function", choice), dict)
        else None
    )
    if choice == "none" and seen.calls:
        yield Trait("none", seen.at("tool_calls"), "tool_choice='none', and tools are called")
    if (choice == "required" or named) and not seen.calls:
        yield Trait(
            "required",
            seen.at("content"),
            f"tool_choice={named or choice!r}, and no tool is called",
        )
    if named and any(call.name != named for call in seen.calls):
        yield Trait(
            "named", seen.at("tool_calls"), f"tool_choice names {named}, and another tool is called"
        )


def sampling_defaults(seen: Seen, other: Seen) -> Iterator[Trait]:
    """Settings that the answer says were used although the request left them open; an end of its
    own choosing.
    """
    mine, theirs = _echoed(seen), _echoed(other)
    for name in mine.keys() & theirs.keys():
        if seen.asked.get(name) is None:
            at = f"/{name}" if name in seen.envelope.body else ""
            yield Trait((name, float(mine[name])), at, f"{name} is {mine[name]}", fault=False)
    if (
        seen.asked
        and not {"max_tokens", "max_completion_tokens"} & seen.asked.keys()
        and seen.answer.finish_reason == "length"
    ):
        yield Trait(
            "length",
            seen.finish_pointer,
            "without max_tokens the answer ends at a limit of the server's own",
            fault=False,
        )


def _echoed(seen: Seen) -> dict[str, Any]:
    """Settings that the answer repeats."""
    body = seen.envelope.body
    inner = [
        body[name]
        for name in ("sampling_params", "generation_config")
        if isinstance(body.get(name), dict)
    ]
    told = {name: value for part in (*inner, body) for name, value in part.items()}
    return {name: told[name] for name in _ECHOED if isinstance(told.get(name), (int, float))}
