"""Calls of two answers, paired by what they mean: names, values and order, never ids, key order or
white space.

One mechanism for `ak.diff` and `ak.compare`. Two values are the same where the tool's schema reads
them as the same: `1`, `1.0` and `"1"` for an integer; without a schema numbers are compared as
numbers and text stays text.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Literal

from agentkit.read.calls.known_tools import KnownTools
from agentkit.read.parsers.literals.coercion import coerce_value
from agentkit.types.answer import ToolCall
from agentkit.types.problem import excerpt
from agentkit.types.record import Record, record

PairKind = Literal["same", "moved", "arguments", "name", "missing", "extra"]
ABSENT = "(absent)"
"""The value that a side does not have."""
_MOST = 64
"""Calls of one tool whose best partners are searched; more are paired in their order."""


@record
class ValueChange(Record):
    """One place where two sets of arguments differ."""

    pointer: str
    """JSON pointer (RFC 6901) into the arguments; "" for all of them."""
    before: Any
    """The left value, at most an excerpt of it; `ABSENT` if there is none."""
    after: Any

    def summary(self) -> str:
        return f"{self.pointer or '/'} {self.before!r} → {self.after!r}"


@record
class CallPair(Record):
    """A call and the one it corresponds to; one of them is None if the other side has no such
    call.
    """

    left: ToolCall | None
    right: ToolCall | None
    changes: tuple[ValueChange, ...] = ()
    moved: bool = False
    """Whether it is the same call at another place among the others."""

    @property
    def kind(self) -> PairKind:
        """`same`, `moved`, `arguments` (other values), `name` (another spelling), `missing` (left
        only) or `extra` (right only).
        """
        if self.left is None or self.right is None:
            return "extra" if self.left is None else "missing"
        if self.left.name != self.right.name:
            return "name"
        if self.changes:
            return "arguments"
        return "moved" if self.moved else "same"

    def summary(self) -> str:
        call = self.left or self.right
        name = call.name if call else ""
        changed = ", ".join(change.summary() for change in self.changes)
        return f"{self.kind} {name}: {changed}" if changed else f"{self.kind} {name}"


def meaning(value: Any, schema: Any = None) -> Hashable:
    """Make a key that is equal for all JSON values that mean the same under the schema.

    >>> meaning({"a": 1.0, "b": "x"}) == meaning({"b": "x", "a": 1})
    True
    >>> meaning("1", {"type": "integer"}) == meaning(1), meaning("1") == meaning(1)
    (True, False)
    >>> meaning(True) == meaning(1)
    False
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
    if isinstance(value, bool):  # before numbers: to Python True is 1
        return "boolean", value
    return "number" if isinstance(value, (int, float)) else "other", value


def call_meaning(call: ToolCall, tools: KnownTools | None = None) -> Hashable:
    """Make a key of the call's name and what its arguments mean; of their text if they could not be
    read.
    """
    if call.arguments is None:
        return call.name, "unread", "".join(call.raw_arguments.split())
    return call.name, meaning(call.arguments, tools.parameters(call.name) if tools else None)


def changes(left: Any, right: Any, schema: Any = None, pointer: str = "") -> Iterator[ValueChange]:
    """Find where two values differ, with pointers to the innermost places.

    Args:
        left: a JSON value.
        right: the other one.
        schema: the JSON schema of both, under which `1` and `"1"` can be the same.
        pointer: where they are, for what is found inside.

    >>> found = changes({"to": {"city": "Oslo"}, "n": 1}, {"to": {"city": "Rome"}, "n": 1.0})
    >>> [change.pointer for change in found]
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
    """Find where the arguments of two calls differ.

    Args:
        left: a call.
        right: the other one.
        tools: the tools, for their schemas.

    Returns:
        The changes; one of the whole texts if the arguments of a call could not be read.
    """
    if left.arguments is not None and right.arguments is not None:
        schema = tools.parameters(left.name) if tools else None
        return tuple(changes(left.arguments, right.arguments, schema))
    before, after = left.raw_arguments, right.raw_arguments
    if left.arguments is right.arguments and before.split() == after.split():
        return ()
    return (ValueChange(pointer="", before=excerpt(before), after=excerpt(after)),)


def plain_name(name: str) -> str:
    """Strip a name of what servers put around it, to separate another spelling from another tool.

    >>> plain_name("functions.Get-Weather:0"), plain_name("get_weather<|channel|>")
    ('getweather', 'getweather')
    """
    bare = re.sub(r"<[|｜][^<>]*[|｜]>|:\d+$", "", name.strip())
    return re.sub(r"[^a-z0-9]", "", bare.rpartition(".")[2].lower())


def align_calls(
    left: Sequence[ToolCall], right: Sequence[ToolCall], tools: KnownTools | None = None
) -> tuple[CallPair, ...]:
    """Pair every call with its partner: the same call first, then the same tool with the nearest
    arguments, then another spelling of its name.

    Args:
        left: the calls of one answer.
        right: the calls of the other.
        tools: the tools, for their schemas.

    Returns:
        The pairs in the order of the left calls, then what only the right side has.
    """
    partner = _same_calls(left, right, tools)
    _match_nearest(left, right, partner, _name, tools)
    _match_nearest(left, right, partner, _plain_name, tools)
    rank_left = {i: rank for rank, i in enumerate(sorted(partner))}
    rank_right = {j: rank for rank, j in enumerate(sorted(partner.values()))}
    pairs = []
    for i, call in enumerate(left):
        if i not in partner:
            pairs.append(CallPair(left=call, right=None))
            continue
        other = right[partner[i]]
        moved = rank_left[i] != rank_right[partner[i]]
        changed = call_changes(call, other, tools)
        pairs.append(CallPair(left=call, right=other, changes=changed, moved=moved))
    taken = set(partner.values())
    extra = (CallPair(left=None, right=call) for j, call in enumerate(right) if j not in taken)
    return (*pairs, *extra)


def _name(call: ToolCall) -> str:
    return call.name


def _plain_name(call: ToolCall) -> str:
    return plain_name(call.name)


def _same_calls(
    left: Sequence[ToolCall], right: Sequence[ToolCall], tools: KnownTools | None
) -> dict[int, int]:
    """Pair the calls that mean the same, by their positions."""
    free: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for j, call in enumerate(right):
        free[call_meaning(call, tools)].append(j)
    partner: dict[int, int] = {}
    for i, call in enumerate(left):
        if waiting := free.get(call_meaning(call, tools)):
            partner[i] = waiting.popleft()
    return partner


def _match_nearest(
    left: Sequence[ToolCall],
    right: Sequence[ToolCall],
    partner: dict[int, int],
    key: Callable[[ToolCall], str],
    tools: KnownTools | None,
) -> None:
    """Add pairs of calls with the same key, each with the call whose arguments are nearest."""
    taken = set(partner.values())
    free: defaultdict[Hashable, list[int]] = defaultdict(list)
    for j, call in enumerate(right):
        if j not in taken and key(call):
            free[key(call)].append(j)
    for i, call in enumerate(left):
        if i in partner or not (waiting := free.get(key(call))):
            continue
        best = waiting[0]
        if len(waiting) <= _MOST:
            distances = {j: (len(call_changes(call, right[j], tools)), abs(i - j)) for j in waiting}
            best = min(waiting, key=distances.__getitem__)
        waiting.remove(best)
        partner[i] = best


def text_of(value: Any) -> str:
    """Write a value as one line of JSON, a text in quotes."""
    return ABSENT if value is ABSENT else json.dumps(value, ensure_ascii=False, default=str)
