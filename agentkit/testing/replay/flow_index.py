"""The recorded requests, found by what is asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.testing.replay.changes import changes
from agentkit.testing.replay.normal_form import LEVELS, Level, ids_in, key, normal, parsed
from agentkit.testing.replay.recorded_flows import dialect_at
from agentkit.testing.server.recorded import body_of
from agentkit.types.record import clip
from agentkit.types.wire import Exchange, Flow


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A request that is to be found again."""

    method: str
    path: str
    """Below the label."""
    label: str
    body: Any
    """As JSON; the text where it is none."""

    @property
    def place(self) -> str:
        """What it is sent to: all paths of a dialect's answers are one."""
        return f"{self.method} {dialect_at(self.path) or self.path.partition('?')[0]}"


class FlowIndex:
    """The flows of a record. Equal requests are answered in the order in which they were asked,
    then from the first again.
    """

    def __init__(self, flows: Sequence[Flow]) -> None:
        self.flows = tuple(flows)
        self.labels = frozenset(flow.label for flow in flows if flow.label)
        self.uses: Counter[int] = Counter()
        """How often each flow was played, by its place."""
        self._known = frozenset(name for flow in flows for name in _given(flow.exchange))
        self._places: dict[tuple[Level, str, str], list[int]] = defaultdict(list)
        self._asked = [_inquiry(flow) for flow in flows]
        for place, asked in enumerate(self._asked):
            for level in LEVELS:
                self._places[self._key(asked, level)].append(place)

    def find(self, asked: Inquiry) -> Flow | None:
        """Take the next flow that answers a request; None where none was recorded."""
        for level in LEVELS:
            fitting = self._places.get(self._key(asked, level), ())
            if fitting:
                place = min(fitting, key=lambda one: self._order(one, asked))
                self.uses[place] += 1
                return self.flows[place]
        return None

    def missing(self, asked: Inquiry) -> str:
        """Say why no flow answers a request: what changed against the nearest."""
        beside = [place for place, one in enumerate(self._asked) if one.place == asked.place]
        what = f"{asked.method} {asked.path}"
        if not beside:
            known = ", ".join(sorted({f"{one.method} {one.path}" for one in self._asked})[:5])
            return f"no request to {clip(what, 100)} was recorded; recorded are: {known}"
        entries = _entries(self._normal(asked.body))
        near = max(beside, key=lambda one: self._nearness(one, entries))
        changed = changes(self._normal(self._asked[near].body), self._normal(asked.body))
        number = self.flows[near].number
        return (
            f"this request was not recorded; of the {len(self.flows)} recorded, the nearest is"
            f" {number}, and against it {changed or 'nothing but what is volatile has changed'}"
        )

    def _key(self, asked: Inquiry, level: Level) -> tuple[Level, str, str]:
        return level, asked.place, key(asked.body, level, self._known)

    def _order(self, place: int, asked: Inquiry) -> tuple[bool, int, int]:
        other = bool(asked.label) and self._asked[place].label != asked.label
        return other, self.uses[place], place

    def _normal(self, body: Any) -> Any:
        return normal(body, "form", self._known)

    def _nearness(self, place: int, entries: list[Any]) -> tuple[int, int, int]:
        """Rank a flow by how far its history is the same, then by its length."""
        own = _entries(self._normal(self._asked[place].body))
        pairs = enumerate(zip(own, entries, strict=False))
        same = next((i for i, (a, b) in pairs if a != b), min(len(own), len(entries)))
        return same, -abs(len(own) - len(entries)), -place


def _inquiry(flow: Flow) -> Inquiry:
    return Inquiry(flow.method, flow.path, flow.label, parsed(_sent(flow)))


def _sent(flow: Flow) -> str:
    """Give the text that the agent sent, whatever a person made of it on its way."""
    return flow.body if flow.original_body is None else flow.original_body


def _given(exchange: Exchange | None) -> set[str]:
    """List the ids that an answer gave."""
    return set() if exchange is None else ids_in(body_of(exchange))


def _entries(body: Any) -> list[Any]:
    """List what a request is compared by, in order: what it is asked with, and its history."""
    if not isinstance(body, dict):
        return [body]
    history = body.get("messages", body.get("input"))
    listed = history if isinstance(history, list) else [history]
    return [body.get("system", body.get("instructions")), *listed]
