"""Calls that are being run, by the texts in their arguments: a sub-agent's rollout begins with one
of them, and nothing else on the wire says whose it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from agentkit.trajectory.stitch.flow_node import FlowNode

_SHORTEST = 8
_SURE = 20
"""From this length on a text proves something in whatever text it is; a shorter one has to be half
of it.
"""


class OpenCall(NamedTuple):
    """A call that has no result yet."""

    node: FlowNode
    position: int


class OpenCalls:
    """The open calls of answers that nobody goes on from yet."""

    def __init__(self) -> None:
        self._calls: dict[str, dict[tuple[int, int], OpenCall]] = {}
        self._texts: dict[int, list[tuple[str, int]]] = {}
        self._busy: set[tuple[int, int]] = set()

    def add(self, node: FlowNode) -> None:
        """Take up the calls of an answer."""
        calls = [unit for unit in node.answer if unit[0] == "call"]
        for position, unit in enumerate(calls):
            for text in _texts_in(unit[3]):
                place = node.number, position
                self._calls.setdefault(text, {})[place] = OpenCall(node, position)
                self._texts.setdefault(node.number, []).append((text, position))

    def discard(self, node: FlowNode) -> None:
        """Forget the calls of an answer that is gone on from."""
        for text, position in self._texts.pop(node.number, ()):
            left = self._calls.get(text, {})
            left.pop((node.number, position), None)
            if not left:
                self._calls.pop(text, None)

    def find(self, node: FlowNode) -> OpenCall | None:
        """Find the call that a rollout which begins with this request runs in; None where there is
        none. A call of the same client goes before another, one that runs none yet before one that
        does, an earlier answer before a later.
        """
        first = node.first_text
        if len(first) < _SHORTEST:
            return None
        found: list[OpenCall] = []
        for text in [first] if first in self._calls else self._calls:
            if text in first and (len(text) >= _SURE or 2 * len(text) >= len(first)):
                found += (c for c in self._calls[text].values() if _is_other(c.node, node))
        if not found:
            return None
        best = max(found, key=lambda call: self._rank(call, node))
        self._busy.add((best.node.number, best.position))
        return best

    def _rank(self, call: OpenCall, node: FlowNode) -> tuple[bool, bool, bool, int, int]:
        caller, place = call.node, (call.node.number, call.position)
        same = caller.sender == node.sender, caller.fingerprint[0] == node.fingerprint[0]
        return *same, place not in self._busy, -caller.number, -call.position


def _is_other(caller: FlowNode, node: FlowNode) -> bool:
    """Tell whether an agent is another than its caller: it has other orders, or other tools."""
    return (caller.system, caller.fingerprint[4]) != (node.system, node.fingerprint[4])


def _texts_in(arguments: str) -> Iterator[str]:
    try:
        data = json.loads(arguments)
    except (ValueError, RecursionError):
        return
    waiting: list[Any] = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and len(value.strip()) >= _SHORTEST:
            yield value.strip()
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
