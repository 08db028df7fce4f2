"""Histories that are one growing text of the user (dspy's ReAct): what an answer said is found
again in the middle of the next request's text.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, insort
from collections.abc import Iterator

from agentkit.trajectory.stitch.flow_node import FlowNode

_FIELD = re.compile(r"\[\[ ## \w+ ## \]\]\n?")
_SHORTEST = 32
"""So many characters the two texts begin with in common, at least."""
_BEGINNING = 0.25
_BOTH_ENDS = 0.6
"""How much of the earlier text is at the beginning of the later one, or at both its ends."""
_LOOKED_AT = 8
"""How many of the texts that begin alike are compared."""


class GrowingTexts:
    """The texts of requests whose answer nobody goes on from yet, in alphabetical order: the one
    with the longest common beginning is beside the place of another.
    """

    def __init__(self) -> None:
        self._texts: list[tuple[str, int]] = []
        self._nodes: dict[int, FlowNode] = {}

    def add(self, node: FlowNode) -> None:
        """Take up a request that has been answered by a text."""
        if node.growing is not None and node.number not in self._nodes:
            insort(self._texts, (node.growing, node.number))
            self._nodes[node.number] = node

    def discard(self, node: FlowNode) -> None:
        """Forget a request whose answer is gone on from."""
        if self._nodes.pop(node.number, None) is not None and node.growing is not None:
            del self._texts[bisect_left(self._texts, (node.growing, node.number))]

    def find(self, text: str) -> FlowNode | None:
        """Find the request whose text goes on in this one; None where there is none."""
        best: tuple[int, int] | None = None
        for known, number in self._near(text):
            shared = shared_length(known, text)
            if text == known or not _is_grown(known, text, shared):
                continue
            said = self._nodes[number].answer
            rest = text[shared:]
            if not all(value in rest for value in _values(said[-1][1] if said else "")):
                continue
            if best is None or (shared, -number) > best:
                best = shared, -number
        return self._nodes[-best[1]] if best else None

    def _near(self, text: str) -> Iterator[tuple[str, int]]:
        """Give the texts next to this one, and of equal ones the oldest."""
        at = bisect_left(self._texts, (text, -1))
        yield from self._texts[at : at + _LOOKED_AT]
        for _ in range(_LOOKED_AT):
            if at == 0:
                return
            at = bisect_left(self._texts, (self._texts[at - 1][0], -1))
            yield self._texts[at]


def shared_length(a: str, b: str) -> int:
    """Count the characters that two texts begin with in common, by halves: slices compare fast."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low


def _is_grown(known: str, text: str, shared: int) -> bool:
    """Tell whether a text is an earlier one with more in it."""
    if shared < _SHORTEST or len(text) < len(known) * _BEGINNING:
        return False
    if shared >= _BEGINNING * len(known):
        return True
    behind = shared_length(known[shared:][::-1], text[shared:][::-1])
    return shared + behind >= _BOTH_ENDS * len(known)


def _values(answer: str) -> list[str]:
    """List what an answer says: the values of its fields where it has some, else all of it."""
    parts = [part.strip() for part in _FIELD.split(answer)]
    if len(parts) == 1:
        try:
            data = json.loads(answer)
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, dict):
            parts = [value for value in data.values() if isinstance(value, str)]
    return [part for part in parts if part] or [answer]
