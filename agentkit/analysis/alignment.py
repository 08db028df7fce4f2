"""Calls of two answers side by side by what they mean: names, values and order, never ids, key
order or white space.

One mechanism for `ak.diff` and `ak.compare`. Two values are the same where the tool's schema reads
them as the same: `1`, `1.0` and `"1"` for an integer; without a schema numbers are compared as
numbers and text stays text.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Literal

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.parsers.literals.coercion import coerce_value
from agentkit.types.answer import ToolCall
from agentkit.types.problem import excerpt
from agentkit.types.record import Record, record

PairKind = Literal["same", "moved", "arguments", "name", "missing", "extra"]
ABSENT = "(absent)"
"""Stands for a value that one side does not have."""
_MOST = 64
"""Calls of one tool whose best partners are searched; more are paired in their order."""


@record
class ValueChange(Record):
    """One place where two sets of arguments differ."""

    pointer: str
    """JSON pointer (RFC 6901) into the arguments; "" for all of them."""
    before: Any
    """The left value, at most an excerpt of it; `ABSENT` where there is none."""
    after: Any

    def summary(self) -> str:
        return f"{self.pointer or '/'} {self.before!r} → {self.after!r}"


@record
class CallPair(Record):
    """A call and the one it corresponds to; one of them None where the other side has no such
    call.
    """

    left: ToolCall | None
    right: ToolCall | None
    changes: tuple[ValueChange, ...] = ()
    moved: bool = False
    """The same call at another place among the others."""

    @property
    def kind(self) -> PairKind:
        """`same`, `moved`, `arguments` (other values), `name` (another spelling), `missing` (left
        only) or `extra` (right only).
        """
        if self.left is None or self.right is None:
            return "extra" if self.left is None else "missing"
        if self.left.name != self.right.name:
            return "name"
        return "arguments" if self.changes else "moved" if self.moved else "same"

    def summary(self) -> str:
        call = self.left or self.right
        told = ", ".join(change.summary() for change in self.changes)
        return f"{self.kind} {call.name if call else ''}{f': {told}' if told else ''}"


def meaning(value: Any, schema: Any = None) -> Hashable:
    """A value that is equal for all JSON values that mean the same under the schema.

    >>> meaning({"a": 1.0, "b": "x"}) == meaning({"b": "x", "a": 1})
    True
    >>> meaning("1", {"type": "integer"}) == meaning(1), meaning("1") == meaning(1), meaning(True) == meaning(1)
    (True, False, False)
    """
    try:
        return _meaning(coerce_value(value, schema))
    except RecursionError:
        return "too deep", excerpt(value, 1 << 20)


def _meaning(value: Any) -> Hashable:
    if isinstance(value, dict):
        return "object", frozenset((key, _meaning(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "array", tuple(_meaning(item) for item in value)
    return (
        "boolean"
        if isinstance(value, bool)
        else "number"
        if isinstance(value, (int, float))
        else "other"
    ), value


def call_meaning(call: ToolCall, tools: KnownTools | None = None) -> Hashable:
    """The call's name and what its arguments mean; the text of arguments that could not be read."""
    if call.arguments is None:
        return call.name, "unread", "".join(call.raw_arguments.split())
    return call.name, meaning(call.arguments, tools.parameters(call.name) if tools else None)


def changes(left: Any, right: Any, schema: Any = None, pointer: str = "") -> Iterator[ValueChange]:
    """Where two values differ, deepest first found, with pointers.

    >>> [str(c.pointer) for c in changes({"to": {"city": "Oslo"}, "n": 1}, {"to": {"city": "Rome"}, "n": 1.0})]
    ['/to/city']
    """
    if meaning(left, schema) == meaning(right, schema):
        return
    if isinstance(left, dict) and isinstance(right, dict):
        fields = schema.get("properties") if isinstance(schema, Mapping) else None
        for key in dict.fromkeys((*left, *right)):
            inner = fields.get(key) if isinstance(fields, Mapping) else None
            yield from changes(
                left.get(key, ABSENT), right.get(key, ABSENT), inner, f"{pointer}/{_escape(key)}"
            )
    elif isinstance(left, list) and isinstance(right, list):
        inner = schema.get("items") if isinstance(schema, Mapping) else None
        for i in range(max(len(left), len(right))):
            a, b = (side[i] if i < len(side) else ABSENT for side in (left, right))
            yield from changes(a, b, inner, f"{pointer}/{i}")
    else:
        yield ValueChange(pointer=pointer, before=excerpt(left), after=excerpt(right))


def _escape(key: Any) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def call_changes(
    left: ToolCall, right: ToolCall, tools: KnownTools | None = None
) -> tuple[ValueChange, ...]:
    """Where the arguments of two calls differ; the texts where one of them could not be read."""
    if left.arguments is None or right.arguments is None:
        if left.arguments is right.arguments and "".join(left.raw_arguments.split()) == "".join(
            right.raw_arguments.split()
        ):
            return ()
        return (
            ValueChange(
                pointer="", before=excerpt(left.raw_arguments), after=excerpt(right.raw_arguments)
            ),
        )
    return tuple(
        changes(left.arguments, right.arguments, tools.parameters(left.name) if tools else None)
    )


def plain_name(name: str) -> str:
    """The name without what servers put around it, for telling another spelling from another tool.

    >>> plain_name("functions.Get-Weather:0"), plain_name("get_weather<|channel|>")
    ('getweather', 'getweather')
    """
    bare = re.sub(r"<[|｜][^<>]*[|｜]>|:\d+$", "", name.strip())
    return re.sub(r"[^a-z0-9]", "", bare.rpartition(".")[2].lower())


def align_calls(
    left: Sequence[ToolCall], right: Sequence[ToolCall], tools: KnownTools | None = None
) -> tuple[CallPair, ...]:
    """Every call with its partner: the same call first, then the same tool with the nearest
    arguments, then another spelling of its name.

    In the order of the left calls, then what only the right side has.
    """
    partner: dict[int, int] = {}
    _match(left, right, partner, lambda call: call_meaning(call, tools))
    _match_nearest(left, right, partner, lambda call: call.name, tools)
    _match_nearest(left, right, partner, lambda call: plain_name(call.name), tools)
    exact = [(i, j) for i, j in sorted(partner.items())]
    order = {i: rank for rank, (i, _) in enumerate(exact)}
    places = {i: rank for rank, (i, _) in enumerate(sorted(exact, key=lambda pair: pair[1]))}
    pairs = [
        (
            CallPair(left=call, right=None)
            if i not in partner
            else CallPair(
                left=call,
                right=right[partner[i]],
                changes=call_changes(call, right[partner[i]], tools),
                moved=order[i] != places[i],
            )
        )
        for i, call in enumerate(left)
    ]
    taken = set(partner.values())
    return (
        *pairs,
        *(CallPair(left=None, right=call) for j, call in enumerate(right) if j not in taken),
    )


def _match(
    left: Sequence[ToolCall], right: Sequence[ToolCall], partner: dict[int, int], key: Any
) -> None:
    free: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for j, call in enumerate(right):
        free[key(call)].append(j)
    for i, call in enumerate(left):
        if waiting := free.get(key(call)):
            partner[i] = waiting.popleft()


def _match_nearest(
    left: Sequence[ToolCall],
    right: Sequence[ToolCall],
    partner: dict[int, int],
    key: Any,
    tools: KnownTools | None,
) -> None:
    taken = set(partner.values())
    free: defaultdict[Hashable, list[int]] = defaultdict(list)
    for j, call in enumerate(right):
        if j not in taken and key(call):
            free[key(call)].append(j)
    for i, call in enumerate(left):
        if i in partner or not (waiting := free.get(key(call))):
            continue
        best = (
            waiting[0]
            if len(waiting) > _MOST
            else min(waiting, key=lambda j: (len(call_changes(call, right[j], tools)), abs(i - j)))
        )
        waiting.remove(best)
        partner[i] = best


def text_of(value: Any) -> str:
    """A value as one line of JSON, a text in quotes."""
    return ABSENT if value is ABSENT else json.dumps(value, ensure_ascii=False, default=str)
